// The ground within reach of each facility: outlines for drawing, never counted.

import { block } from "./blocks.js";
import { polygons } from "./codec.js";
import { view, watch } from "./view.js";

const STYLE = { pane: "catchments", interactive: false, weight: 1.4, dashArray: "5 4", fillOpacity: 0.06 };
let group;
let shapes = null;

function wanted(kind) {
  return view.kind === "circle" || kind === view.kind;
}

// Unpacked when they are first asked for: most readers never do.
function draw(table, colour) {
  group.clearLayers();
  if (view.hidden.has("catchments")) return;
  shapes ??= polygons(table.shape);
  shapes.forEach((shape, index) => wanted(table.kind[index]) && group.addLayer(L.polygon(shape, { ...STYLE, color: colour, fillColor: colour })));
}

export function start(map) {
  const table = block("catchments");
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--selected").trim();
  map.createPane("catchments").style.zIndex = 450;
  group = L.layerGroup().addTo(map);
  watch(["kind", "hidden"], () => draw(table, colour));
  draw(table, colour);
}
