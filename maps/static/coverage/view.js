// What is being looked at. The address keeps it, so a view can be sent to a colleague.

import { facts } from "./blocks.js";

const KEPT = ["level", "kind", "verdict", "area", "lang"];
const watchers = [];

function known(group, code, otherwise) {
  return code && code in facts[group] ? code : otherwise;
}

function fromAddress() {
  const kept = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(KEPT.filter((name) => kept.get(name)).map((name) => [name, kept.get(name)]));
}

function opening() {
  const asked = { ...facts.open, ...fromAddress() };
  return {
    level: known("levels", asked.level, "auto"),
    kind: known("kinds", asked.kind, Object.keys(facts.kinds)[0]),
    verdict: known("verdicts", asked.verdict, Object.keys(facts.verdicts)[0]),
    area: asked.area || null,
    facility: null,
    lang: asked.lang === "zh" || asked.lang === "en" ? asked.lang : facts.lang,
    hidden: new Set(facts.hidden),
  };
}

export const view = opening();

export function watch(names, act) {
  watchers.push({ names, act });
}

// Changes the view and tells whoever watches one of the changed names.
export function change(changes) {
  const changed = Object.keys(changes).filter((name) => changes[name] !== view[name]);
  Object.assign(view, changes);
  keep();
  for (const { names, act } of watchers) if (changed.some((name) => names.includes(name))) act(view);
}

function keep() {
  const kept = new URLSearchParams(KEPT.filter((name) => view[name]).map((name) => [name, view[name]]));
  history.replaceState(null, "", `#${kept}`);
}
