// The figures of the chosen area, every kind and verdict of it, or what is known of the chosen facility.

import { bounds, find, middles, within } from "./atlas.js";
import { facts } from "./blocks.js";
import { table as facilities, positions } from "./facilities.js";
import { countText, figuresOf, hasRate, rateText } from "./figures.js";
import { change, view, watch } from "./view.js";
import { both, bothNamed, denominator, element, glyph, say } from "./words.js";

const COUNTS = ["elders", "covered", "uncovered", "unknown"];

function heading(title, path) {
  const close = element("button", { type: "button", class: "close", "aria-label": say("area.close"), onclick: () => change({ area: null, facility: null }) }, "×");
  return element("header", {}, element("h2", {}, title), close, element("p", { class: "path" }, path));
}

function bar(figures) {
  if (!figures.elders) return null;
  const parts = ["covered", "uncovered", "unknown"].map((name) => [name, figures[name]]).filter(([, count]) => count);
  return element("div", { class: "bar", "aria-hidden": "true" }, ...parts.map(([name, count]) => element("span", { class: name, style: `flex-grow:${count}` })));
}

function lead(figures) {
  const counts = COUNTS.map((name) => element("div", {}, element("dt", {}, both(`area.${name}`)), element("dd", {}, countText(figures[name], figures, say))));
  return [
    element("p", { class: "lead" }, bothNamed("kinds", view.kind), " · ", bothNamed("verdicts", view.verdict)),
    element("p", { class: hasRate(figures) ? "rate" : "rate words" }, rateText(figures, say)),
    bar(figures),
    element("dl", { class: "counts" }, ...counts),
  ];
}

function everyKind(level, index) {
  const verdicts = Object.keys(facts.verdicts);
  const head = element("tr", {}, element("th", { scope: "col" }, both("kind")), ...verdicts.map((verdict) => element("th", { scope: "col" }, bothNamed("verdicts", verdict))));
  const rows = Object.keys(facts.kinds).map((kind) => element("tr", { class: kind === view.kind ? "now" : null },
    element("th", { scope: "row" }, bothNamed("kinds", kind)),
    ...verdicts.map((verdict) => element("td", {}, rateText(figuresOf(level, index, kind, verdict), say)))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

function means() {
  const { minutes, metres } = facts.run;
  return element("p", { class: "means" }, both(`verdict.${view.verdict}.means`, { minutes, metres }), " ", both(denominator()));
}

function areaCard({ level, index }) {
  const path = [...within(level, index).reverse(), level.code[index]].join(" › ");
  if (level.dedicated.includes(index)) return [heading(level.name[index], path), element("p", {}, both("area.dedicated"))];
  const figures = figuresOf(level, index, view.kind, view.verdict);
  return [heading(level.name[index], path), ...lead(figures), everyKind(level, index), means()];
}

function facilityCard(index) {
  const kind = facilities.kind[index];
  const known = (name) => facilities[name]?.[index] ?? null;
  const delivery = known("delivery_mode");
  const rows = [["capacity", known("capacity")], ["opens", known("opens")], ["operator", known("operator")], ["delivery", delivery && say(`facility.delivery.${delivery}`)]]
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => element("div", {}, element("dt", {}, both(`facility.${name}`)), element("dd", {}, String(value))));
  return [heading(facilities.name[index], known("id")), element("p", { class: "lead" }, glyph(kind, 30), bothNamed("facility_kinds", kind)), element("dl", { class: "counts" }, ...rows)];
}

let map;

// Keeps what was chosen clear of the card: left of it on a desk, above it on a phone.
function uncover(place) {
  const [card, size] = [document.getElementById("card").getBoundingClientRect(), map.getSize()];
  const beside = card.width < 0.7 * size.x;
  const corner = beside ? { paddingTopLeft: [60, 60], paddingBottomRight: [size.x - card.left + map.getContainer().getBoundingClientRect().left + 40, 60] } : { paddingTopLeft: [40, 40], paddingBottomRight: [40, card.height + 40] };
  map.panInside(place, { ...corner, animate: false });
}

function draw() {
  const card = document.getElementById("card");
  const area = view.area && find(view.area);
  card.hidden = !area && view.facility === null;
  card.replaceChildren(...(area ? areaCard(area) : view.facility === null ? [] : facilityCard(view.facility)).filter(Boolean));
}

function reveal() {
  const area = view.area && find(view.area);
  if (area) uncover(middles(area.level)[area.index]);
  else if (view.facility !== null) uncover(positions[view.facility]);
}

// For what was found by name and not by pointing: bring it into sight.
export function visit({ level, index }) {
  map.fitBounds(bounds(level, index), { maxZoom: 17, padding: [60, 60], animate: false });
  change({ area: level.code[index], facility: null });
  document.getElementById("card").focus({ preventScroll: true });
}

export function visitFacility(index) {
  map.setView(positions[index], Math.max(map.getZoom(), 16), { animate: false });
  change({ area: null, facility: index });
  document.getElementById("card").focus({ preventScroll: true });
}

export function start(leafletMap) {
  map = leafletMap;
  watch(["area", "facility", "kind", "verdict", "lang"], draw);
  watch(["area", "facility"], reveal);
  document.addEventListener("keydown", (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && change({ area: null, facility: null }));
  draw();
}
