// The JSON blocks that the server put into the page.

export function block(name) {
  return JSON.parse(document.getElementById(`wangge-${name}`).textContent);
}

export const facts = block("page");
