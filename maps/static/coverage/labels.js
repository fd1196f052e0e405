// Names of the shown areas, each only where it fits and touches no other; coarse before fine.

import { bounds, middles } from "./atlas.js";
import { shownLevel } from "./areas.js";
import { view, watch } from "./view.js";
import { element } from "./words.js";

const LETTER = 17;
const LINE = 22;
const MOST = 250;
let map;
let pane;

// How wide a name is drawn: a Chinese character fills its square, a Latin letter about half of it.
function width(name) {
  return [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) > 0x2e7f ? LETTER : LETTER * 0.56), 6);
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function boxAt(level, index) {
  const middle = map.latLngToLayerPoint(middles(level)[index]);
  const half = width(level.name[index]) / 2;
  return { index, x: middle.x, y: middle.y, left: middle.x - half, right: middle.x + half, top: middle.y - LINE / 2, bottom: middle.y + LINE / 2 };
}

function roomy(level, index, box) {
  const area = bounds(level, index);
  const [northWest, southEast] = [map.latLngToLayerPoint(area.getNorthWest()), map.latLngToLayerPoint(area.getSouthEast())];
  return southEast.x - northWest.x > 0.75 * (box.right - box.left) && southEast.y - northWest.y > LINE;
}

function placed(level) {
  const seen = map.getBounds();
  const inView = middles(level).map((place, index) => index).filter((index) => seen.contains(middles(level)[index]));
  const kept = [];
  for (const index of inView) {
    const box = boxAt(level, index);
    if (kept.length < MOST && !kept.some((other) => overlap(box, other)) && roomy(level, index, box)) kept.push(box);
  }
  return kept;
}

function draw() {
  const level = shownLevel();
  if (!level || view.hidden.has("labels")) {
    pane.replaceChildren();
    return;
  }
  const names = placed(level).map(({ index, x, y }) => element("span", { class: "name", style: `left:${x}px;top:${y}px` }, level.name[index]));
  pane.replaceChildren(...names);
}

export function start(leafletMap) {
  map = leafletMap;
  pane = map.createPane("names");
  Object.assign(pane.style, { zIndex: 640, pointerEvents: "none" });
  map.on("moveend levelshown", draw);
  map.on("zoomstart", () => pane.replaceChildren());
  watch(["hidden"], draw);
  draw();
}
