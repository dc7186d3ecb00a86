/** A node in a process of its own, told by lines what to do. Run by postgres.spec.ts. */
import { createInterface } from "node:readline";
import { createSecretKey } from "node:crypto";
import { openPostgresVault } from "../../../src/vault/postgres.ts";
import type { OpenRequest } from "../../../src/vault/vault.ts";
import { anna, read, sealOne, secondVisit } from "../examples.ts";

const { key, ...options } = JSON.parse(process.argv[2]!) as {
  key: string;
  connectionString: string;
  schema: string;
  leaseMs: number;
};
const vault = await openPostgresVault({ ...options, keyEncryptionKey: createSecretKey(key, "hex"), create: false });
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
say("ready");
for await (const line of createInterface(process.stdin)) {
  const request = JSON.parse(line) as OpenRequest | "seal";
  if (request === "seal")
    await sealOne(vault, secondVisit, anna, "text").then(
      () => say("sealed"),
      (error: Error) => say(error.name),
    );
  else say(await read(vault, request));
}
