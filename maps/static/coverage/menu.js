// The choices beside the map: level, kind, verdict, layers, language.

import { levels } from "./atlas.js";
import { facts } from "./blocks.js";
import { change, view, watch } from "./view.js";
import { both, bothNamed, element, glyph, say } from "./words.js";

const GROUPS = { levels: "level", kinds: "kind", verdicts: "verdict" };

function choice(group, code, words, sign = null) {
  const name = GROUPS[group];
  const radio = element("input", { type: "radio", name, value: code, onchange: () => change({ [name]: code }) });
  radio.checked = view[name] === code;
  return element("label", { class: "choice" }, radio, sign, words);
}

// A kind that a verdict says nothing about cannot be shown by it.
function offer() {
  const told = (verdict) => levels.some((level) => `${view.kind}|${verdict}` in level.figures);
  for (const radio of document.querySelectorAll("input[name=verdict]")) radio.disabled = !told(radio.value);
  if (!told(view.verdict)) {
    const verdict = Object.keys(facts.verdicts).find(told) || view.verdict;
    document.querySelector(`input[name=verdict][value="${CSS.escape(verdict)}"]`).checked = true;
    change({ verdict });
  }
}

function fill(group, choices) {
  const box = document.getElementById(group);
  box.replaceChildren(box.querySelector("legend"), ...choices);
}

function choices() {
  const levels = Object.keys(facts.levels).map((code) => choice("levels", code, bothNamed("levels", code)));
  fill("levels", [choice("levels", "auto", both("level.auto")), ...levels]);
  fill("kinds", Object.keys(facts.kinds).map((code) => choice("kinds", code, bothNamed("kinds", code), signOf(code))));
  fill("verdicts", Object.keys(facts.verdicts).map((code) => choice("verdicts", code, bothNamed("verdicts", code))));
}

function signOf(kind) {
  return kind in facts.facility_kinds ? glyph(kind, 30) : element("span", { class: "glyph ring", "aria-hidden": "true" });
}

function layers(tiles, map) {
  const show = () => Object.entries(tiles).forEach(([name, layer]) => (view.hidden.has(name) ? layer.remove() : layer.addTo(map)));
  for (const box of document.querySelectorAll("[data-layer]")) {
    box.addEventListener("change", () => {
      const hidden = new Set(view.hidden);
      if (box.checked) hidden.delete(box.dataset.layer);
      else hidden.add(box.dataset.layer);
      change({ hidden });
    });
  }
  watch(["hidden"], show);
  show();
}

function words() {
  document.documentElement.lang = view.lang === "zh" ? "zh-CN" : "en";
  document.documentElement.dataset.lang = view.lang;
  document.title = say("title", { place: facts.place, minutes: facts.run.minutes });
  document.getElementById("search").placeholder = say("search");
  document.getElementById("north").querySelector("span").textContent = say("north");
  const { minutes, metres, attribution } = facts.run;
  document.getElementById("verdict-means").replaceChildren(both(`verdict.${view.verdict}.means`, { minutes, metres }));
  const source = attribution.length ? [both("source", { attribution: attribution.join("; ") }), element("br")] : [];
  document.getElementById("source").replaceChildren(...source, both("outline"));
}

export function start(map, tiles) {
  choices();
  layers(tiles, map);
  watch(["lang", "verdict"], words);
  watch(["kind"], offer);
  offer();
  words();
  document.getElementById("language").addEventListener("click", () => change({ lang: view.lang === "zh" ? "en" : "zh" }));
  const toggle = document.getElementById("show-menu");
  toggle.addEventListener("click", () => toggle.setAttribute("aria-expanded", String(document.body.classList.toggle("menu-open"))));
  document.getElementById("print").addEventListener("click", () => window.print());
}
