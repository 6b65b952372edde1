// What is pinned of the runtime is what `npm ci` installs: `node --test tests/page`.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ENGINES, VERSION } from "../../studio/ui/page/runtime.js";

const page = fileURLToPath(new URL("../../studio/ui/page/", import.meta.url));
const read = (name) => readFileSync(page + name);

test("the version is the package's", () => {
  const { dependencies } = JSON.parse(read("package.json"));
  assert.equal(dependencies["onnxruntime-web"], VERSION);
  assert.equal(JSON.parse(read("package-lock.json")).packages["node_modules/onnxruntime-web"].version, VERSION);
});

const files = Object.values(ENGINES).flatMap((engine) => Object.values(engine));
for (const { name, integrity } of files) {
  test(`${name} is the one that was pinned`, () => {
    const content = read(`node_modules/onnxruntime-web/dist/${name}`);
    assert.equal(`sha384-${createHash("sha384").update(content).digest("base64")}`, integrity);
  });
}

for (const [engine, { module, binary }] of Object.entries(ENGINES)) {
  test(`${engine}'s module asks for its binary`, () => {
    const found = read(`node_modules/onnxruntime-web/dist/${module.name}`).toString();
    assert.ok(found.includes(`"${binary.name}"`));
  });
}
