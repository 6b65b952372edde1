// The shelf at the foot of every tab: the collection, always at hand, and its way to and from the
// browser's storage. It is mounted first and always, so pictures dropped on the page land here too.

import { call, save } from "./api.js";
import { bringIn, takesPhotos } from "./bring-in.js";
import { receive, writeWith } from "./collection-store.js";
import { partsOf, thumbnail } from "./elements.js";
import { attempt, notice } from "./notice.js";
import { generatorOf, generators, on, openDesign, openTab, setBlend, state } from "./store.js";

/** @import { Kept, Mounting } from "./types.d.ts" */

/** @param {Mounting} mounting */
export function mount({ element, props, watch }) {
  const part = partsOf(element);
  on("kept", async (kept) => {
    part("count").textContent = kept.length ? `${kept.length} kept` : "Nothing kept yet";
    part("download-all").disabled = !kept.length;
    part("blend-two").disabled = kept.length < 2;
    await generators().catch(() => {});
    part("shelf-row").replaceChildren(...kept.map(small).reverse());
  });
  part("download-all").addEventListener("click", () => attempt(downloadAll));
  part("blend-two").addEventListener("click", blendTwo);
  acceptDrops();

  const read = () => props.value && receive(props.value.kept);
  watch("value", read);
  read();
  writeWith((kept) => (props.value = { kept }));
}

/** @param {Kept} kept */
function small({ name, design }) {
  const result = thumbnail(name, () => openDesign(design));
  result.show(design);
  return result;
}

export async function downloadAll() {
  const all = state.kept ?? [];
  const kept = all
    .filter(({ design }) => generatorOf(design.generator))
    .map(({ name, design }) => ({ name, design }));
  const missing = all.length - kept.length;
  if (!kept.length) return notice("The generators of your designs are not here.");
  notice(missing
    ? `Preparing your designs, but for ${missing} whose generator is not here…`
    : "Preparing your designs…");
  await save(await call("collection_zip", kept), "designs.zip");
}

/** Blend the two newest kept designs that can be blended. */
function blendTwo() {
  const newest = (state.kept ?? []).filter(({ design }) => generatorOf(design.generator)).reverse();
  for (const second of newest) {
    const first = newest.find((each) =>
      each !== second && each.design.generator === second.design.generator);
    if (first) {
      setBlend({ first: first.design, second: second.design, amount: 0.5, surface: null });
      return openTab("blend");
    }
  }
  notice("Keep two designs of one generator to blend them.");
}

function acceptDrops() {
  // Photos dropped on the training tab are taken there (see train-photos.js).
  /** @param {DragEvent} event */
  const carriesFile = (event) => !event.defaultPrevented && event.dataTransfer?.types.includes("Files");
  /** @param {boolean} dragging */
  const mark = (dragging) => {
    document.body.classList.toggle("at-dropping", dragging);
    document.body.classList.toggle("at-dropping-photo", dragging && takesPhotos());
  };
  document.addEventListener("dragover", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  document.addEventListener("drop", (event) => {
    mark(false);
    const file = event.dataTransfer?.files[0];
    if (!file || event.defaultPrevented) return;
    event.preventDefault();
    attempt(() => bringIn(file));
  });
}
