// Knows how elements are made and put in place; knows no station. Texts stay texts: nothing here reads HTML.

export const one = (where, root = document) => root.querySelector(where);

/** `h("td", {class: "x", onclick: f}, "text", other)`; null and false are left out. */
export function h(name, traits = {}, ...inside) {
  return filled(document.createElement(name), traits, inside);
}

/** The same in SVG. */
export function s(name, traits = {}, ...inside) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), traits, inside);
}

function filled(element, traits, inside) {
  for (const [key, value] of Object.entries(traits)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...inside.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false).map((each) => (each instanceof Node ? each : String(each))));
  return element;
}

const shown = new WeakMap();

/** Draws `model` with `draw` into `place`, but only when it has changed; what had the focus (by data-id) has it again. */
export function show(place, model, draw) {
  const now = JSON.stringify(model);
  if (shown.get(place) === now) return;
  shown.set(place, now);
  const held = place.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  place.replaceChildren(...[draw(model)].flat(Infinity).filter(Boolean));
  if (held) for (const each of place.querySelectorAll("[data-id]")) if (each.dataset.id === held) each.focus();
}

/** A table whose cells know their heads, so that a phone can show each row as a card. */
export function table(caption, heads, rows) {
  const cells = (row) => row.map((cell, at) => h("td", { "data-name": heads[at], class: cell?.wide ? "wide" : null }, cell?.wide ?? cell));
  return h("table", { "aria-label": caption },
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, cells(row)))));
}

export const state = (kind, words) => h("span", { class: `state ${kind}` }, words);
