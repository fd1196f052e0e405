// Water and the walking network, drawn in the browser onto tiles of its own: no tile server, sharp at every zoom.

import { block } from "./blocks.js";
import { lines, polygons } from "./codec.js";

const FROM_ZOOM = [0, 10.5, 11.5];
const WIDTHS = [1.4, 0.75, 0.5];

// Flat typed arrays on the unit square of Web Mercator, each line with its box: 70,000 boxes are compared in < 1 ms.
function compile(shapes) {
  const sizes = shapes.map((shape) => shape.length);
  const starts = new Uint32Array(shapes.length + 1);
  sizes.forEach((size, i) => { starts[i + 1] = starts[i] + size; });
  const xy = new Float64Array(2 * starts[shapes.length]);
  const boxes = new Float64Array(4 * shapes.length);
  shapes.forEach((shape, i) => {
    let [west, north, east, south] = [1, 1, 0, 0];
    shape.forEach(([lat, lon], k) => {
      const x = lon / 360 + 0.5;
      const y = 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
      xy[2 * (starts[i] + k)] = x;
      xy[2 * (starts[i] + k) + 1] = y;
      [west, north, east, south] = [Math.min(west, x), Math.min(north, y), Math.max(east, x), Math.max(south, y)];
    });
    boxes.set([west, north, east, south], 4 * i);
  });
  return { starts, xy, boxes, count: shapes.length };
}

function trace(pen, { starts, xy, boxes, count }, { x, y, z }, size) {
  const world = (2 ** z * 256) / size;
  const edge = 4 / size;
  const [west, north, east, south] = [(x - edge) / world, (y - edge) / world, (x + 1 + edge) / world, (y + 1 + edge) / world];
  pen.beginPath();
  for (let i = 0; i < count; i += 1) {
    if (boxes[4 * i] > east || boxes[4 * i + 2] < west || boxes[4 * i + 1] > south || boxes[4 * i + 3] < north) continue;
    for (let k = starts[i]; k < starts[i + 1]; k += 1) {
      const px = (xy[2 * k] * world - x) * size;
      const py = (xy[2 * k + 1] * world - y) * size;
      if (k === starts[i]) pen.moveTo(px, py);
      else pen.lineTo(px, py);
    }
  }
}

const Tiles = L.GridLayer.extend({
  createTile(coords) {
    const size = this.getTileSize().x;
    const tile = L.DomUtil.create("canvas", "leaflet-tile");
    const dense = Math.min(window.devicePixelRatio || 1, 2);
    tile.width = size * dense;
    tile.height = size * dense;
    const pen = tile.getContext("2d");
    pen.scale(dense, dense);
    this.options.draw(pen, coords, size);
    return tile;
  },
});

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function tiles(pane, draw) {
  return new Tiles({ pane, draw, maxZoom: 19, tileSize: 512, updateWhenZooming: false, keepBuffer: 1 });
}

function water() {
  const packed = block("water");
  const faces = compile(polygons(packed.faces).flat(2));
  const streams = compile(lines(packed.lines));
  const [fill, edge] = [colour("--water"), colour("--water-edge")];
  return tiles("water", (pen, coords, size) => {
    trace(pen, faces, coords, size);
    Object.assign(pen, { fillStyle: fill, strokeStyle: edge, lineWidth: 1 });
    pen.fill("evenodd");
    pen.stroke();
    trace(pen, streams, coords, size);
    Object.assign(pen, { strokeStyle: edge, lineWidth: Math.max(1, 2 ** (coords.z - 14)) });
    pen.stroke();
  });
}

function walkways() {
  const ranks = block("walkways").map((rank) => compile(lines(rank)));
  const ink = colour("--walkway");
  return tiles("walkways", (pen, coords, size) => {
    ranks.forEach((rank, order) => {
      if (coords.z < FROM_ZOOM[order]) return;
      trace(pen, rank, coords, size);
      const width = WIDTHS[order] * Math.max(0.6, 2 ** ((coords.z - 14) / 2));
      Object.assign(pen, { lineCap: "round", lineJoin: "round" });
      // A light line under the dark one: the first is seen on dark classes, the second on light ones.
      Object.assign(pen, { strokeStyle: "#fff", globalAlpha: 0.22, lineWidth: 2 * width });
      if (coords.z >= 14) pen.stroke();
      Object.assign(pen, { strokeStyle: ink, globalAlpha: 0.45, lineWidth: width });
      pen.stroke();
    });
  });
}

export function start(map) {
  for (const [name, order] of [["water", 360], ["walkways", 370]]) {
    map.createPane(name).style.zIndex = order;
    map.getPane(name).style.pointerEvents = "none";
  }
  return { water: water(), walkways: walkways() };
}
