// Collection: the kept designs, to rename, open, blend, download and remove.

import { call, save } from "./api.js";
import { openPicture } from "./bring-in.js";
import { remove, rename } from "./collection-store.js";
import { texts } from "./design.js";
import { button, inside, make, partsOf, thumbnail } from "./elements.js";
import { attempt } from "./notice.js";
import { generators, on, openDesign, openTab, setBlend, state, usable } from "./store.js";
import { downloadAll } from "./shelf.js";

/** @import { Kept, Mounting } from "./types.d.ts" */

const LONGEST_NAME = 80; // as studio/ui/api.py cuts names

/** @param {Mounting} mounting */
export async function mount({ element }) {
  const part = partsOf(element);
  const file = inside(element, "input");
  part("open-picture").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    const picture = file.files?.[0];
    if (picture) attempt(() => openPicture(picture));
    file.value = "";
  });
  part("download-all").addEventListener("click", () => attempt(downloadAll));
  await attempt(generators);

  const draw = () => {
    const kept = state.kept ?? [];
    part("empty").hidden = kept.length > 0;
    part("download-all").disabled = !kept.length;
    part("kept").replaceChildren(...kept.map(card).reverse());
  };
  on("kept", draw);
  draw();
}

/** @param {Kept} kept */
function card({ id, name, design }) {
  const result = document.createElement("article");
  result.className = "at-kept-card";
  const open = () => openDesign(design);
  const picture = thumbnail(`Open ${name}`, open);
  picture.show(design);

  const title = document.createElement("input");
  Object.assign(title, { type: "text", value: name, maxLength: LONGEST_NAME, className: "at-name" });
  title.setAttribute("aria-label", `Name of ${name}`);
  title.addEventListener("change", () => {
    const wanted = title.value.trim();
    if (wanted) rename(id, wanted);
    else title.value = name;
  });
  title.addEventListener("keydown", (event) => event.key === "Enter" && title.blur());

  const actions = document.createElement("div");
  actions.className = "at-card-actions";
  actions.append(
    button("Open", "at-quiet", open),
    button("Blend", "at-quiet", () => {
      if (!usable(design)) return;
      setBlend(state.blend.first?.generator === design.generator
        ? { second: design }
        : { first: design, second: design });
      openTab("blend");
    }),
    button("Download", "at-quiet", () =>
      attempt(async () => save(await call("render", design, 1024, null), `${name}.png`))),
    button("Remove", "at-quiet", () => remove(id)),
  );
  result.append(picture, title);
  const words = texts(design).join(" / ");
  if (words) result.append(make("p", "at-own-words", words));
  result.append(actions);
  return result;
}
