// Words for people, in the language of the view; every text is set as text, never as HTML.

import { facts } from "./blocks.js";
import { view } from "./view.js";

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function say(key, values = {}, lang = view.lang) {
  const words = facts.words[`page.${key}`];
  return words ? fill(words[lang], values) : key;
}

// Who is counted differs between walking there and being served at home.
export function denominator() {
  const own = `legend.denominator.${view.verdict}`;
  return `page.${own}` in facts.words ? own : "legend.denominator";
}

export function numerator() {
  const own = `legend.numerator.${view.verdict}`;
  return `page.${own}` in facts.words ? own : "legend.numerator";
}

// The name of a level, kind or verdict, which a district may have added itself.
export function named(group, code, lang = view.lang) {
  const names = facts[group][code] || [code, code];
  return names[lang === "zh" ? 0 : 1];
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Both languages side by side; the style sheet puts the reader's first and makes the other small.
export function pair(zh, en) {
  return element("span", { class: "said" }, element("span", { lang: "zh" }, zh), element("span", { lang: "en" }, en));
}

export function both(key, values = {}) {
  return pair(say(key, values, "zh"), say(key, values, "en"));
}

export function bothNamed(group, code) {
  return pair(named(group, code, "zh"), named(group, code, "en"));
}

export function glyph(kind, size) {
  const index = Object.keys(facts.facility_kinds).indexOf(kind);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#glyph-${index}`);
  svg.setAttribute("class", "glyph");
  svg.setAttribute("width", size);
  svg.setAttribute("height", size);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}
