// Figures of an area as they are said. No DOM and no computing: what is not in the table is not shown.

export const CLASS_LOWS = [0, 20, 40, 60, 80];

export function figuresOf(level, index, kind, verdict) {
  const table = level.figures[`${kind}|${verdict}`];
  if (!table) return { state: "n", unsure: false };
  const at = (name) => (table[name] ? table[name][index] : null);
  return {
    state: table.state[index],
    unsure: table.unsure.includes(index),
    elders: at("elders"),
    covered: at("covered"),
    uncovered: at("uncovered"),
    unknown: at("unknown"),
    rate: at("rate"),
  };
}

export function hasRate(figures) {
  return figures.state >= "0" && figures.state <= "4";
}

export function classText(state) {
  const low = CLASS_LOWS[Number(state)];
  return `${low}–${low + 20}%`;
}

// The exact rate where the table has it, else the class, else why there is none.
export function rateText(figures, say) {
  if (!hasRate(figures)) return say(`state.${figures.state}`);
  return figures.rate === null ? classText(figures.state) : `${(100 * figures.rate).toFixed(1)}%`;
}

export function countText(count, figures, say) {
  if (count !== null && count !== undefined) return count.toLocaleString("en-US").replace(/,/g, "\u202f");
  return figures.state === "n" ? "–" : say("area.hidden");
}

// Where a figure stands in an ordered table: what is hidden comes last, whichever way the order runs.
export function sortKey(figures, column) {
  if (column === "rate") return hasRate(figures) ? (figures.rate ?? Number(figures.state)) : null;
  return figures[column] ?? null;
}

export function ordered(rows, column, downward) {
  const sign = downward ? -1 : 1;
  return [...rows].sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return sign * (typeof a.key === "string" ? a.key.localeCompare(b.key, "zh") : a.key - b.key);
  });
}
