// What stands at the right of the header: how long the last picture took, and light or dark.

import { on } from "./store.js";

const STORED = "atelier-look";

const box = document.createElement("div");
box.className = "at-header";
const status = document.createElement("span");
status.className = "at-status";
const look = document.createElement("button");
look.type = "button";
look.className = "at-look";
box.append(status, look);
document.body.append(box);

function setDark(dark) {
  document.body.classList.toggle("dark", dark);
  look.textContent = dark ? "Light" : "Dark";
  look.setAttribute("aria-label", dark ? "Switch to the light look" : "Switch to the dark look");
}

look.addEventListener("click", () => {
  const dark = !document.body.classList.contains("dark");
  localStorage.setItem(STORED, dark ? "dark" : "light");
  setDark(dark);
});
const stored = localStorage.getItem(STORED);
setDark(stored ? stored === "dark" : document.body.classList.contains("dark"));

on("drawn", ({ milliseconds }) => {
  status.textContent = `drawn in ${Math.max(1, Math.round(milliseconds))} ms`;
});
