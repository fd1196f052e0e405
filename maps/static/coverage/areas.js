// The choropleth: one SVG path per area of the shown level, borders of the levels above it, and the chosen area.

import { levelNamed, levels, shapes } from "./atlas.js";
import { countText, figuresOf, hasRate, rateText } from "./figures.js";
import { change, view, watch } from "./view.js";
import { element, say } from "./words.js";

const CELL_PIXELS = 58;
const drawn = new Map();
let map;
let shown;

export function shownLevel() {
  return shown;
}

export function fillOf(figures) {
  if (!hasRate(figures)) return `url(#hatch-${figures.state})`;
  return figures.unsure ? `url(#unsure-${figures.state})` : `var(--class-${figures.state})`;
}

// The finest level whose areas are still big enough to hit with a finger.
function fitting() {
  const scale = map.getZoomScale(map.getZoom(), 0) * 256;
  const fits = levels.filter((level) => (meanWidth(level) / 360) * scale >= CELL_PIXELS);
  return fits.length ? fits[fits.length - 1] : levels[0];
}

function meanWidth(level) {
  level.width ??= (() => {
    const all = L.latLngBounds(shapes(level).flat(3));
    return Math.sqrt(((all.getEast() - all.getWest()) * (all.getNorth() - all.getSouth())) / level.code.length);
  })();
  return level.width;
}

function tip(level, index) {
  const figures = figuresOf(level, index, view.kind, view.verdict);
  const lines = [element("strong", {}, level.name[index]), element("span", { class: "rate" }, rateText(figures, say))];
  if (figures.uncovered !== null && figures.uncovered !== undefined)
    lines.push(element("span", {}, `${say("area.uncovered")} ${countText(figures.uncovered, figures, say)}`));
  return element("div", { class: "tip" }, ...lines);
}

function layerOf(level) {
  if (!drawn.has(level.level)) drawn.set(level.level, build(level));
  return drawn.get(level.level);
}

function build(level) {
  const renderer = L.svg({ pane: "areas", padding: 0.4 });
  const dedicated = new Set(level.dedicated);
  const paths = shapes(level).map((shape, index) => {
    const path = L.polygon(shape, { renderer, pane: "areas", className: dedicated.has(index) ? "area dedicated" : "area", fillOpacity: 1, weight: 1 });
    path.index = index;
    path.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      change({ area: level.code[index], facility: null });
    });
    return path;
  });
  const group = L.featureGroup(paths);
  if (matchMedia("(hover: hover)").matches) group.bindTooltip((path) => tip(level, path.index), { sticky: true, opacity: 1, className: "tip-box" });
  return group;
}

function paint() {
  const dedicated = new Set(shown.dedicated);
  layerOf(shown).eachLayer((path) => {
    const figures = figuresOf(shown, path.index, view.kind, view.verdict);
    path.setStyle({ fillColor: dedicated.has(path.index) ? "transparent" : fillOf(figures), color: figures.state === "3" || figures.state === "4" ? "var(--border)" : "var(--border-on-light)" });
  });
}

let borders;

// Borders of the two levels above, so that a grid is seen in its community and street.
function drawBorders() {
  borders?.remove();
  const renderer = L.svg({ pane: "borders", padding: 0.4 });
  const above = levels.slice(Math.max(0, levels.indexOf(shown) - 2), levels.indexOf(shown));
  const outlines = above.reverse().map((level, step) =>
    L.polygon(shapes(level).flat(), { renderer, pane: "borders", interactive: false, fill: false, className: `border border-${step}` }));
  borders = L.layerGroup(outlines).addTo(map);
}

function showLevel() {
  map.getPane("areas").classList.toggle("near", map.getZoom() >= 15);
  const wanted = view.level === "auto" ? fitting() : levelNamed(view.level);
  if (wanted === shown) return;
  if (shown) layerOf(shown).remove();
  shown = wanted;
  paint();
  layerOf(shown).addTo(map);
  drawBorders();
  map.fire("levelshown", { level: shown });
}

let chosen;

function drawChosen() {
  chosen?.remove();
  const at = levels.map((level) => ({ level, index: level.index.get(view.area) })).find((one) => one.index !== undefined);
  if (!at) return;
  const shape = shapes(at.level)[at.index];
  const style = { pane: "chosen", interactive: false, fill: false };
  chosen = L.layerGroup([L.polygon(shape, { ...style, className: "chosen-halo" }), L.polygon(shape, { ...style, className: "chosen" })]).addTo(map);
}

export function start(leafletMap) {
  map = leafletMap;
  for (const [name, order] of [["areas", 350], ["borders", 380], ["chosen", 390]]) map.createPane(name).style.zIndex = order;
  map.getPane("borders").style.pointerEvents = "none";
  map.getPane("chosen").style.pointerEvents = "none";
  map.on("zoomend", showLevel);
  watch(["level"], showLevel);
  watch(["kind", "verdict"], paint);
  watch(["area"], drawChosen);
  showLevel();
  drawChosen();
}
