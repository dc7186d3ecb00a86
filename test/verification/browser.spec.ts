import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it("verification uses nothing that Node alone has", () => {
  const folder = join(import.meta.dirname, "../../src/verification");
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(10);
  const using = files.filter((file) => /\bBuffer\b|\bprocess\.|from "node:/.test(readFileSync(join(folder, file), "utf8")));
  expect(using).toEqual([]);
});
