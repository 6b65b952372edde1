// Files that a visitor brings in: pictures that were downloaded from here, which carry their design,
// and photos, of which the studio makes a design. The newest one counts, and whoever goes on to
// another generator meanwhile is not called back.

import { call, upload } from "./api.js";
import { notice } from "./notice.js";
import {
  easelDesign, generatorFor, generatorOf, on, openDesign, settle, state, tell,
} from "./store.js";

const KEY = "atelier-design"; // as studio/exports.py writes it
const LARGEST = 32; // MB, as studio/inversion/photos.py takes them
const UNREADABLE = "This file can't be read. Choose one photo, as a file.";
const WORKING = "Making a design of your photo…";

let newest = 0; // the number of the last file
/** @type {string | null} for which generator a photo is under way */
let working = null;

on("settled", ({ generator }) => {
  if (working !== null && generator !== working) begin(null);
});

/**
 * A new number for what is under way from now on, in place of all before it.
 * @param {string | null} generator
 */
function begin(generator) {
  working = generator;
  newest += 1;
  tell("photo", generator === null ? "" : WORKING);
  return newest;
}

/**
 * Open a picture that was downloaded from here.
 * @param {File} file
 */
export async function openPicture(file) {
  const number = begin(null);
  const { design, note } = await call("open_picture", await upload(file));
  if (number === newest && openDesign(design)) notice(note || "Opened the design of this picture.");
}

/**
 * Put what a file holds on the easel: the design that it carries or, in Explore, that of a photo.
 * @param {File} file
 */
export async function bringIn(file) {
  const number = begin(null);
  const carries = await carriesDesign(file);
  if (number !== newest) return;
  if (carries || !state.design || !exploring()) return openPicture(file);
  if (generatorFor(state.design).photos) return startFromPhoto(file);
  const others = state.generators.filter(({ photos }) => photos).map(({ title }) => title);
  if (!others.length) return openPicture(file);
  throw new Error(`${generatorFor(state.design).title} can't start from a photo. `
    + `Choose ${others.join(" or ")} first, then bring the photo in again.`);
}

/** Whether the tab Explore is open. */
export function exploring() {
  return Boolean(document.querySelector(".at-explore")?.checkVisibility());
}

/** Whether a photo that is brought in now becomes a design. */
export function takesPhotos() {
  return exploring() && Boolean(generatorOf(state.design?.generator)?.photos);
}

/**
 * Whether a file is a PNG with a design in it. Only that word is looked for: the studio reads it.
 * @param {File} file
 */
async function carriesDesign(file) {
  if (file.size > LARGEST * 2 ** 20) {
    throw new Error(`This file is larger than ${LARGEST} MB. Choose a smaller copy of the photo.`);
  }
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Error(UNREADABLE); // a folder, or a file that is gone
  });
  const text = new TextDecoder("latin1").decode(bytes);
  return text.slice(1, 4) === "PNG" && text.includes(KEY);
}

/** @param {File} file */
async function startFromPhoto(file) {
  const { generator } = easelDesign();
  const number = begin(generator);
  try {
    // The name tells a camera's raw files from photos.
    const photo = { ...await upload(file), orig_name: file.name };
    if (number !== newest) return;
    const design = await call("design_from_photo", photo, generator, null);
    if (number === newest) settle(design);
  } catch (error) {
    if (number === newest) throw error;
  } finally {
    if (number === newest) begin(null);
  }
}
