// Puts the parts onto the map that folium made.

import { levels, holding, shapes } from "./atlas.js";
import { shownLevel, start as startAreas } from "./areas.js";
import { start as startBasemap } from "./basemap.js";
import { facts } from "./blocks.js";
import { start as startCard, visit } from "./card.js";
import { start as startCatchments } from "./catchments.js";
import { start as startFacilities } from "./facilities.js";
import { start as startLabels } from "./labels.js";
import { start as startLegend } from "./legend.js";
import { start as startMenu } from "./menu.js";
import { start as startSearch } from "./search.js";
import { open as openTable } from "./table.js";
import { change, view } from "./view.js";
import { element, say } from "./words.js";

const map = window.map_coverage;

// Clear of the legend: beside it on a desk, above it on a phone.
function wholeArea() {
  const legend = document.getElementById("legend").getBoundingClientRect();
  const wide = map.getSize().x > 2.2 * legend.width;
  const corner = wide ? { paddingTopLeft: [legend.width + 30, 20], paddingBottomRight: [70, 40] } : { paddingTopLeft: [14, 14], paddingBottomRight: [14, Math.min(legend.height, 0.4 * map.getSize().y) + 40] };
  map.fitBounds(L.latLngBounds(shapes(levels[0]).flat(3)), { ...corner, animate: false });
}

// Leaflet sets attributions and titles as HTML; ours go in as text. Its default prefix shows a flag and is left out.
function marks() {
  const words = [...facts.run.attribution, say("outline")].join(" · ");
  const credit = L.control.attribution({ prefix: false, position: "bottomright" }).addTo(map).addAttribution(element("span", {}, element("span", {}, words)).innerHTML);
  credit.getContainer().addEventListener("click", () => credit.getContainer().classList.toggle("whole-credit"));
  L.control.scale({ imperial: false, maxWidth: 160, position: "bottomright" }).addTo(map);
  L.control.zoom({ position: "topright", zoomInTitle: say("zoom.in"), zoomOutTitle: say("zoom.out") }).addTo(map);
  const all = L.control({ position: "topright" });
  all.onAdd = () => {
    const button = element("button", { type: "button", class: "whole", title: say("zoom.all"), "aria-label": say("zoom.all"), onclick: wholeArea }, "⤢");
    L.DomEvent.disableClickPropagation(button);
    return button;
  };
  all.addTo(map);
}

// With the map focused, Enter chooses what lies in its middle: pointing without a pointer.
function pointing() {
  const box = map.getContainer();
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", say("map"));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== box) return;
    const index = holding(shownLevel(), map.getCenter());
    if (index !== null) change({ area: shownLevel().code[index], facility: null });
  });
  map.on("click", () => change({ area: null, facility: null }));
}

// The sheet has another shape than the screen: the same ground is fitted to it, and back.
function printing() {
  let kept = null;
  matchMedia("print").addEventListener("change", ({ matches }) => {
    const ground = kept ?? map.getBounds();
    kept = matches ? ground : null;
    map.invalidateSize({ animate: false });
    map.fitBounds(ground, { animate: false });
  });
}

function opening() {
  const level = levels.find((one) => one.index.has(view.area));
  if (level) visit({ level, index: level.index.get(view.area) });
}

marks();
startLegend(map);
wholeArea();
startAreas(map);
const tiles = startBasemap(map);
startCatchments(map);
startFacilities(map);
startLabels(map);
startCard(map);
startMenu(map, tiles);
startSearch();
pointing();
document.getElementById("show-table").addEventListener("click", openTable);
printing();
opening();
document.documentElement.dataset.ready = "yes";
