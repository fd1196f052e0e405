// The same figures as a table: for those who read rather than look, and to find the worst area first.

import { shownLevel } from "./areas.js";
import { visit } from "./card.js";
import { countText, figuresOf, ordered, rateText, sortKey } from "./figures.js";
import { view } from "./view.js";
import { both, element, named, say } from "./words.js";

const COLUMNS = ["name", "code", "elders", "covered", "uncovered", "unknown", "rate"];
const order = { column: "uncovered", downward: true };
const dialog = document.getElementById("table");

function keyOf(level, row) {
  return order.column === "name" || order.column === "code" ? level[order.column][row.index] : sortKey(row.figures, order.column);
}

function sortBy(column) {
  order.downward = order.column === column ? !order.downward : column !== "name" && column !== "code";
  order.column = column;
  draw();
  dialog.querySelector(`[data-column="${column}"]`).focus();
}

function heading(column) {
  const sorted = column === order.column ? (order.downward ? "descending" : "ascending") : "none";
  const button = element("button", { type: "button", "data-column": column, onclick: () => sortBy(column) }, both(`area.${column}`), sorted === "none" ? "" : order.downward ? " ↓" : " ↑");
  return element("th", { scope: "col", "aria-sort": sorted, class: COLUMNS.indexOf(column) > 1 ? "number" : null }, button);
}

function line(level, { index, figures }) {
  const go = element("button", { type: "button", onclick: () => { dialog.close(); visit({ level, index }); } }, level.name[index]);
  const counts = COLUMNS.slice(2, 6).map((name) => element("td", { class: "number" }, countText(figures[name], figures, say)));
  return element("tr", {}, element("th", { scope: "row" }, go), element("td", {}, level.code[index]), ...counts, element("td", { class: "number" }, rateText(figures, say)));
}

function draw() {
  const level = shownLevel();
  const counted = level.code.map((_, index) => index).filter((index) => !level.dedicated.includes(index));
  const rows = counted.map((index) => ({ index, figures: figuresOf(level, index, view.kind, view.verdict) }));
  for (const row of rows) row.key = keyOf(level, row);
  const caption = say("table.caption", { level: named("levels", level.level), kind: named("kinds", view.kind), verdict: named("verdicts", view.verdict) });
  dialog.replaceChildren(
    element("header", {}, element("h2", {}, caption), element("button", { type: "button", class: "close", "aria-label": say("area.close"), onclick: () => dialog.close() }, "×")),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      element("table", {}, element("thead", {}, element("tr", {}, ...COLUMNS.map(heading))),
        element("tbody", {}, ...ordered(rows, order.column, order.downward).map((row) => line(level, row))))));
}

export function open() {
  draw();
  dialog.showModal();
}
