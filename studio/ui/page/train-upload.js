// Photos on their way to the studio: which files of a drop or a folder are photos, and sending
// them in batches. A photo here is {file, name}; the name is relative to what was chosen.

import { call, passwordHeader } from "./api.js";
import { messageOf } from "./notice.js";

/** @import { Photo, Reasons } from "./types.d.ts" */
/** @typedef {{ refused: Reasons, failed: Photo[], reason: string }} Sent */
/** @typedef {(sent: { files: number, bytes: number }) => void} OnProgress */

const BATCH_FILES = 16;
const BATCH_BYTES = 24 * 2 ** 20;
const IN_FLIGHT = 3;
const RETRY_AFTER = 1000; // ms
// So many batches that fail one after the other mean that the rest would fail, too.
const HOPELESS = 3;
const UNREACHABLE = "The studio does not answer, or a photo can't be read any more.";
// Photos the studio can't open are sent as well (raw files, say), so that it can say why by name.
const PICTURE = new RegExp(
  "[.](jpe?g|jfif|png|webp|gif|bmp|tiff?|hei[cf]|avif|jp2|jxl|psd|tga|ppm|pgm|pnm|ico|"
  + "dng|cr[23w]|nef|arw|raf|orf|rw2|pef|srw|raw)$", "i");
const ARCHIVE = /[.]zip$/i;
const CAPTIONS = /(^|[/])metadata[.]csv$/i; // goes along with the photos it describes

/**
 * What of the files is to be sent: one zip, or the photos in the order of their names. `zips` are
 * those that can't go with the rest; what is no picture is left out quietly.
 * @type {(files: Photo[]) => { taken: Photo[], zips: Photo[] }}
 */
export function pictures(files) {
  const seen = files.filter(({ name }) => !hidden(name));
  const zips = seen.filter(({ name }) => ARCHIVE.test(name));
  const photos = seen
    .filter(({ file, name }) => PICTURE.test(name) || file.type.startsWith("image/"))
    .sort((one, two) => one.name.localeCompare(two.name, "en", { numeric: true }));
  if (!photos.length) return zips.length === 1 ? { taken: zips, zips: [] } : { taken: [], zips };
  return { taken: [...photos, ...seen.filter(({ name }) => CAPTIONS.test(name))], zips };
}

/** @param {string} name */
function hidden(name) {
  return name.split("/").some((each) => each.startsWith(".") || each === "__MACOSX");
}

/**
 * The files of an <input type="file">.
 * @type {(input: HTMLInputElement) => Photo[]}
 */
export function chosen(input) {
  const photos = [...input.files ?? []].map((file) => ({ file, name: file.webkitRelativePath || file.name }));
  input.value = ""; // the same choice should count again
  return photos;
}

/**
 * The files of a drop, those in folders included.
 * @type {(transfer: DataTransfer) => Promise<Photo[]>}
 */
export async function dropped(transfer) {
  // All entries first: the list is emptied as soon as the event is over.
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter((each) => each !== null);
  return (await Promise.all(entries.map(walk))).flat();
}

/** @type {(entry: File | FileSystemEntry) => Promise<Photo[]>} */
async function walk(entry) {
  if (entry instanceof File) return [{ file: entry, name: entry.name }];
  const name = entry.fullPath.replace(/^[/]/, "");
  if (hidden(name)) return [];
  try {
    if (entry.isFile) return [{ file: await fileOf(/** @type {FileSystemFileEntry} */ (entry)), name }];
    const entries = await entriesOf(/** @type {FileSystemDirectoryEntry} */ (entry));
    return (await Promise.all(entries.map(walk))).flat();
  } catch (error) {
    if (error instanceof Unreadable) throw error; // one in this folder
    throw new Unreadable(`The browser can't read ${name}. Check that it is still there.`);
  }
}

class Unreadable extends Error {}

/** @type {(entry: FileSystemFileEntry) => Promise<File>} */
function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** @param {FileSystemDirectoryEntry} folder */
async function entriesOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    // A reader gives about 100 entries at a time, and none at the end.
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

/**
 * What to call photos, by the one zip or folder they come from; their names without the folder.
 * @type {(photos: Photo[]) => { name: string, photos: Photo[] }}
 */
export function named(photos) {
  const [{ name: first }] = photos;
  const folder = first.slice(0, first.indexOf("/") + 1);
  if (folder && photos.every(({ name }) => name.startsWith(folder))) {
    const inside = photos.map(({ file, name }) => ({ file, name: name.slice(folder.length) }));
    return { name: spoken(folder.slice(0, -1)), photos: inside };
  }
  const alone = photos.length === 1 && spoken(first.replace(/^.*[/]|[.][^.]*$/g, ""));
  return { name: alone || "My photos", photos };
}

/** @param {string} name */
function spoken(name) {
  const words = name.replace(/[-_\s]+/g, " ").trim() || "My photos";
  return words[0].toUpperCase() + words.slice(1);
}

/**
 * The sentence that says why photos can't be sent, or "".
 * @type {(photos: Photo[], limits: { max_files: number, max_upload_bytes: number }) => string}
 */
export function tooMuch(photos, { max_files, max_upload_bytes }) {
  const files = photos.length, bytes = bytesOf(photos);
  if (files > max_files) {
    return `These are ${files.toLocaleString("en")} photos; `
      + `at most ${max_files.toLocaleString("en")} can be taken. Choose fewer.`;
  }
  if (bytes > max_upload_bytes) {
    return `These photos are ${size(bytes)}; at most ${size(max_upload_bytes)} can be taken. `
      + "Choose fewer, or make them smaller.";
  }
  return "";
}

/** @param {Photo[]} photos */
export function bytesOf(photos) {
  return photos.reduce((sum, { file }) => sum + file.size, 0);
}

/** @param {number} bytes */
export function size(bytes) {
  const [amount, unit] = bytes >= 1e9 ? [bytes / 1e9, "GB"] : [bytes / 1e6, "MB"];
  return `${amount.toLocaleString("en", { maximumFractionDigits: amount < 10 ? 1 : 0 })} ${unit}`;
}

/** @param {Photo[]} photos */
function batches(photos) {
  /** @type {Photo[][]} */
  const result = [];
  /** @type {Photo[]} */
  let batch = [];
  let bytes = Infinity;
  for (const photo of photos) {
    if (bytes + photo.file.size > BATCH_BYTES || batch.length >= BATCH_FILES) {
      batch = [];
      result.push(batch);
      bytes = 0;
    }
    batch.push(photo);
    bytes += photo.file.size;
  }
  return result;
}

/**
 * Send photos to the upload `data`. `onProgress({files, bytes})` tells what has arrived.
 *
 * The answer: `refused`, [name, reason] of those the studio did not take; `failed`, the photos
 * that did not get there though each batch was tried twice, and `reason`, the last failure.
 * @param {Photo[]} photos
 * @param {{ data: string, signal: AbortSignal, onProgress: OnProgress }} how
 */
export async function send(photos, { data, signal, onProgress }) {
  const waiting = batches(photos);
  /** @type {Map<Photo[], number>} batch -> bytes of it that are on the other side */
  const moving = new Map();
  /** @type {Sent} */
  const result = { refused: [], failed: [], reason: "" };
  let files = 0, bytes = 0, inARow = 0;
  /** @type {Promise<unknown>} */
  let adding = Promise.resolve();
  const progress = () => {
    onProgress({ files, bytes: bytes + [...moving.values()].reduce((sum, each) => sum + each, 0) });
  };

  /** @param {Photo[]} batch */
  async function deliver(batch) {
    const paths = await post(batch, signal, (loaded) => {
      moving.set(batch, Math.min(loaded, bytesOf(batch)));
      progress();
    });
    const arrived = batch.map(({ name }, at) => ({ path: paths[at], name }));
    // One after the other: they all change the same upload.
    const added = adding.then(() => {
      signal.throwIfAborted();
      return call("training_add_files", data, arrived);
    });
    adding = added.catch(() => {});
    return added;
  }

  async function worker() {
    while (inARow < HOPELESS) {
      const batch = waiting.shift();
      if (!batch) return;
      try {
        const { refused } = await twice(() => deliver(batch), signal);
        result.refused.push(...refused);
        files += batch.length;
        bytes += bytesOf(batch);
        inARow = 0;
      } catch (error) {
        signal.throwIfAborted();
        result.failed.push(...batch);
        result.reason = messageOf(error);
        inARow += 1;
      }
      moving.delete(batch);
      progress();
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  result.failed.push(...waiting.flat());
  return result;
}

/**
 * @template T
 * @param {() => Promise<T>} action
 * @param {AbortSignal} signal
 */
async function twice(action, signal) {
  try {
    return await action();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TooLarge) throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
    signal.throwIfAborted();
    return action();
  }
}

/** What no second try helps. */
class TooLarge extends Error {}

/**
 * Post a batch; the paths it got. Not by fetch, which can't tell how much has been sent.
 * @type {(batch: Photo[], signal: AbortSignal, onBytes: (loaded: number) => void) => Promise<string[]>}
 */
function post(batch, signal, onBytes) {
  const form = new FormData();
  // Plain names: the real ones go with training_add_files, whatever letters they have.
  batch.forEach(({ file, name }, at) => form.append("files", file, `${at}${suffix(name)}`));
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    const fail = (/** @type {string} */ sentence) => reject(new Error(sentence));
    request.upload.addEventListener("progress", (event) => onBytes(event.loaded));
    request.addEventListener("abort", () => fail("Cancelled."));
    request.addEventListener("error", () => fail(UNREACHABLE));
    request.addEventListener("load", () => {
      if (request.status === 200) return resolve(request.response);
      if (request.status === 413) return reject(new TooLarge("The studio takes no file that large."));
      fail("The studio could not take them.");
    });
    request.addEventListener("loadend", () => signal.removeEventListener("abort", abort));
    request.open("POST", `${window.gradio_config.root}/gradio_api/upload`);
    for (const [name, value] of Object.entries(passwordHeader())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.send(form);
  });
}

/** @param {string} name */
function suffix(name) {
  return name.match(/[.]\w{1,5}$/)?.[0].toLowerCase() ?? "";
}
