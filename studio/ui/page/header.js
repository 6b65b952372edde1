// What stands at the right of the header: how many trainings there are at work, how long the last
// picture took, and light or dark.

import { on, openTab } from "./store.js";

const STORED = "atelier-look";

const box = document.createElement("div");
box.className = "at-header";
const status = document.createElement("span");
status.className = "at-status";
const look = document.createElement("button");
look.type = "button";
look.className = "at-look";
const trainings = document.createElement("button");
trainings.type = "button";
trainings.className = "at-quiet at-trainings";
trainings.hidden = true;
trainings.addEventListener("click", () => openTab("training"));
box.append(trainings, status, look); // at the left, so that what is there does not move
document.body.append(box);

/** @param {boolean} dark */
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

// Gradio confines the style sheets' media queries to its container; this is outside of it.
const narrow = matchMedia("(max-width: 760px)");
const makeRoom = () => (status.hidden = narrow.matches && !trainings.hidden);
narrow.addEventListener("change", makeRoom);

on("training-home", ({ runs = [] }) => {
  const count = runs.filter(({ alive }) => alive).length;
  trainings.hidden = !count;
  trainings.textContent = `${count} training${count > 1 ? "s" : ""}`;
  makeRoom();
});

// Who watched a training before a reload sees here that it goes on, before the tab is opened.
if (sessionStorage.getItem("atelier-run")) {
  import("./training-store.js").then(({ refreshHome }) => refreshHome()).catch(() => {});
}
