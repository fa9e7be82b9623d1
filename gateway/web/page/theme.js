// Knows whether the page is light or dark: as the device has it, or as a person has chosen here. In sunlight it is light.

import { one } from "./dom.js";

const KEY = "theme";
const wanted = matchMedia("(prefers-color-scheme: dark)");

export function begin_theme() {
  set(kept());
  one("#theme").addEventListener("click", () => {
    const is_dark = (document.documentElement.dataset.theme ?? (wanted.matches ? "dark" : "light")) === "dark";
    const theme = is_dark ? "light" : "dark";
    set(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // a browser that keeps nothing
    }
  });
}

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function set(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
