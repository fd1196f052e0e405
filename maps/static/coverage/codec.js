// Reads back what maps/codec.py packed: differences of whole numbers, zigzag, seven bits a byte, base64.

export const SCALE = 100000;

export function unpack(text) {
  const octets = atob(text);
  const numbers = [];
  let value = 0;
  let place = 1;
  for (let i = 0; i < octets.length; i += 1) {
    const octet = octets.charCodeAt(i);
    value += (octet & 127) * place;
    place *= 128;
    if (octet < 128) {
      numbers.push(value % 2 ? -(value + 1) / 2 : value / 2);
      value = 0;
      place = 1;
    }
  }
  return numbers;
}

// [lat, lon] pairs, as Leaflet wants them.
export function vertices(text) {
  const steps = unpack(text);
  const found = [];
  let lon = 0;
  let lat = 0;
  for (let i = 0; i < steps.length; i += 2) {
    lon += steps[i];
    lat += steps[i + 1];
    found.push([lat / SCALE, lon / SCALE]);
  }
  return found;
}

function cut(items, sizes) {
  let start = 0;
  return sizes.map((size) => items.slice(start, (start += size)));
}

export function lines(block) {
  return cut(vertices(block.xy), unpack(block.sizes));
}

// For each area: parts, each an outer ring and its holes.
export function polygons(block) {
  const rings = cut(vertices(block.xy), unpack(block.rings));
  return cut(cut(rings, unpack(block.parts)), unpack(block.areas));
}
