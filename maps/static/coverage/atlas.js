// The levels of areas, unpacked when first needed, and how areas are found by code.

import { block } from "./blocks.js";
import { polygons, vertices } from "./codec.js";

export const levels = block("areas").map((level) => ({ ...level, index: new Map(level.code.map((code, i) => [code, i])) }));

export function shapes(level) {
  level.shapes ??= polygons(level.shape);
  return level.shapes;
}

export function middles(level) {
  level.middles ??= vertices(level.middle.xy);
  return level.middles;
}

export function levelNamed(name) {
  return levels.find((level) => level.level === name) || levels[0];
}

// The area with this code, of whatever level.
export function find(code) {
  const level = levels.find((one) => one.index.has(code));
  return level ? { level, index: level.index.get(code) } : null;
}

// The names of what an area lies in, nearest first.
export function within(level, index) {
  const names = [];
  let above = find(level.parent[index]);
  while (above && names.length < levels.length) {
    names.push(above.level.name[above.index]);
    above = find(above.level.parent[above.index]);
  }
  return names;
}

export function bounds(level, index) {
  level.bounds ??= [];
  level.bounds[index] ??= L.latLngBounds(shapes(level)[index].flat(2));
  return level.bounds[index];
}

function inRing(ring, lat, lon) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [latA, lonA] = ring[i];
    const [latB, lonB] = ring[j];
    if (latA > lat !== latB > lat && lon < ((lonB - lonA) * (lat - latA)) / (latB - latA) + lonA) inside = !inside;
  }
  return inside;
}

// The area that holds a place, by even-odd over all its rings.
export function holding(level, { lat, lng }) {
  const held = shapes(level).findIndex((parts) => parts.some((rings) => rings.filter((ring) => inRing(ring, lat, lng)).length % 2));
  return held < 0 ? null : held;
}
