// Facilities: a shape, a colour and a character per kind, small from afar and legible from near.

import { block } from "./blocks.js";
import { vertices } from "./codec.js";
import { change, view, watch } from "./view.js";
import { element, glyph, named } from "./words.js";

export const table = block("facilities");
export const positions = vertices(table.xy);
const markers = new Map();
let group;
let map;

// Five hundred signs on a whole district are drawn smaller than one kind of them.
function sizeNow() {
  const crowded = group.getLayers().length > 250 ? 0.8 : 1;
  return crowded * Math.max(12, Math.min(34, 13 + (map.getZoom() - 12.5) * 5));
}

function icon(kind) {
  const box = document.createElement("span");
  box.append(glyph(kind, "100%"));
  return L.divIcon({ html: box, className: "facility", iconSize: null });
}

function marker(index) {
  if (!markers.has(index)) {
    const name = `${table.name[index]} · ${named("facility_kinds", table.kind[index])}`;
    const made = L.marker(positions[index], { icon: icon(table.kind[index]), pane: "facilities", keyboard: false, alt: name });
    made.on("click", () => change({ facility: index, area: null }));
    made.bindTooltip(() => element("span", {}, name), { direction: "top", className: "tip-box" });
    markers.set(index, made);
  }
  return markers.get(index);
}

function wanted(index) {
  return view.kind === "circle" || view.hidden.has("kind_only") || table.kind[index] === view.kind;
}

function draw() {
  group.clearLayers();
  if (view.hidden.has("facilities")) return;
  positions.forEach((_, index) => wanted(index) && group.addLayer(marker(index)));
  resize();
}

function resize() {
  map.getPane("facilities").style.setProperty("--size", `${sizeNow()}px`);
}

export function start(leafletMap) {
  map = leafletMap;
  map.createPane("facilities").style.zIndex = 600;
  group = L.layerGroup().addTo(map);
  map.on("zoomend", resize);
  watch(["kind", "hidden"], draw);
  draw();
}
