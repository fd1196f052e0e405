// Finding an area or a facility by name or code, with the keyboard alone if need be.

import { levels, within } from "./atlas.js";
import { visit, visitFacility } from "./card.js";
import { table as facilities } from "./facilities.js";
import { element, named, say } from "./words.js";

const MOST = 30;
const box = document.getElementById("search");
const list = document.getElementById("found");
const told = document.getElementById("found-said");
let found = [];
let at = -1;

// What begins with the text comes before what only holds it; coarse areas before fine ones.
function matches(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const areas = levels.flatMap((level) => level.name.map((name, index) => ({ name, code: level.code[index], level, index })));
  const points = facilities.name.map((name, facility) => ({ name, code: facilities.id[facility], facility }));
  const hits = [...areas, ...points]
    .map((one) => ({ ...one, rank: `${one.name}`.toLowerCase().indexOf(wanted) }))
    .filter((one) => one.rank >= 0 || `${one.code}`.toLowerCase().startsWith(wanted));
  return hits.sort((a, b) => (a.rank !== 0) - (b.rank !== 0)).slice(0, MOST);
}

function where(one) {
  if (one.level) return [named("levels", one.level.level), ...within(one.level, one.index).slice(0, 2).reverse()].join(" · ");
  return named("facility_kinds", facilities.kind[one.facility]);
}

function item(one, index) {
  return element("li", { role: "option", id: `found-${index}`, "aria-selected": index === at ? "true" : "false", onmousedown: (event) => { event.preventDefault(); choose(one); } },
    element("strong", {}, one.name), element("small", {}, where(one)));
}

function show() {
  list.hidden = !found.length;
  box.setAttribute("aria-expanded", String(found.length > 0));
  if (at >= 0) box.setAttribute("aria-activedescendant", `found-${at}`);
  else box.removeAttribute("aria-activedescendant");
  list.replaceChildren(...found.map(item));
  list.children[at]?.scrollIntoView({ block: "nearest" });
}

function look() {
  found = matches(box.value);
  at = -1;
  const text = box.value.trim();
  told.textContent = !text ? "" : found.length ? say("search.some", { count: found.length }) : say("search.none", { text });
  show();
}

function close() {
  found = [];
  told.textContent = "";
  show();
}

function choose(one) {
  box.value = one.name;
  close();
  document.body.classList.remove("menu-open");
  if (one.level) visit(one);
  else visitFacility(one.facility);
}

function key(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    at = found.length ? (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length : -1;
    show();
  } else if (event.key === "Enter" && found.length) {
    event.preventDefault();
    choose(found[Math.max(at, 0)]);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    close();
  }
}

export function start() {
  box.addEventListener("input", look);
  box.addEventListener("keydown", key);
  box.addEventListener("blur", close);
}
