// What the colours mean: numerator, denominator, verdict, date, and every class with its words and its count.

import { shownLevel } from "./areas.js";
import { facts } from "./blocks.js";
import { classText } from "./figures.js";
import { view, watch } from "./view.js";
import { both, bothNamed, denominator, element, numerator } from "./words.js";

const CLASSES = ["4", "3", "2", "1", "0"];
const STATES = ["h", "k", "-", "n"];

function swatch(fill) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", style: `fill:${fill}` })) box.setAttribute(name, value);
  svg.setAttribute("class", "swatch");
  svg.setAttribute("aria-hidden", "true");
  svg.append(box);
  return svg;
}

function counted() {
  const table = shownLevel()?.figures[`${view.kind}|${view.verdict}`];
  const states = table ? [...table.state] : [];
  const count = new Map();
  states.forEach((state, index) => shownLevel().dedicated.includes(index) || count.set(state, (count.get(state) || 0) + 1));
  return { count, unsure: table ? table.unsure.length : 0 };
}

function row(fill, words, count) {
  return element("li", {}, swatch(fill), words, element("span", { class: "count" }, both("legend.areas", { count })));
}

function rows() {
  const { count, unsure } = counted();
  const classes = CLASSES.map((state) => row(`var(--class-${state})`, element("span", {}, classText(state)), count.get(state) || 0));
  const states = STATES.filter((state) => count.get(state)).map((state) => row(`url(#hatch-${state})`, both(`state.${state}`), count.get(state)));
  if (unsure) states.push(row("url(#unsure-2)", both("state.unsure"), unsure));
  return [...classes, ...states];
}

function meaning() {
  const { minutes, metres, data_date: date, run_id: run, created_at: created } = facts.run;
  const short = (...parts) => element("p", { class: "short" }, ...parts);
  return element("div", { class: "meaning" },
    element("p", {}, both(numerator())),
    element("p", {}, both(denominator())),
    short(both(`verdict.${view.verdict}.means`, { minutes, metres })),
    facts.exact ? null : short(both("legend.rounded")),
    facts.run.scenario ? short(both("legend.scenario", facts.run.scenario)) : null,
    view.hidden.has("catchments") ? null : short(both("legend.catchments")),
    short(both("legend.run", { run, created, date: date || "–" })));
}

function draw() {
  const level = shownLevel();
  const title = element("h2", {}, bothNamed("kinds", view.kind));
  const what = element("p", { class: "what" }, both("legend"), " · ", level ? bothNamed("levels", level.level) : "", " · ", bothNamed("verdicts", view.verdict));
  const marks = [facts.run.synthetic ? "synthetic" : null, facts.run.scenario ? "scenario" : null, facts.exact ? "exact" : null].filter(Boolean);
  const legend = document.getElementById("legend");
  const open = legend.querySelector("details")?.open ?? matchMedia("(min-width: 800px) and (min-height: 700px)").matches;
  legend.replaceChildren(
    element("details", open ? { open: "" } : {},
      element("summary", {}, title, what, element("ol", { class: "strip", "aria-hidden": "true" }, ...CLASSES.slice().reverse().map((state) => element("li", { style: `--fill:var(--class-${state})` }, classText(state))))),
      element("ul", { class: "classes" }, ...rows()),
      meaning()),
    ...marks.map((mark) => element("p", { class: `mark ${mark}` }, both(mark))));
}

export function start(map) {
  map.on("levelshown", draw);
  watch(["kind", "verdict", "lang", "hidden"], draw);
  draw();
}

