/** Seals until it is killed, and prints each sealed segment once it was acknowledged. Run by sqlite-killed.spec.ts. */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { keyEncryptionKey } from "../../src/vault/keys-folder.ts";
import { openSqliteVault } from "../../src/vault/sqlite.ts";
import { event, person, sealOne } from "./examples.ts";

const [folder, from] = process.argv.slice(2) as [string, string];
const path = join(folder, "vault.db");
const vault = openSqliteVault(path, keyEncryptionKey(join(folder, "keys"), path));

for (let number = Number(from); ; number += 8) {
  // Eight subjects at once, seven of them new.
  const subjects = Array.from({ length: 8 }, (_, index) => person(index === 0 ? 0 : number + index));
  await Promise.all(
    subjects.map(async (subject, index) => {
      const request = await sealOne(vault, event(number + index), subject, `text ${number + index}`);
      writeSync(1, `${JSON.stringify(request)}\n`);
    }),
  );
}
