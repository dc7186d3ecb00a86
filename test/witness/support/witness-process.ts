/** A witness that kills itself after it has stored a state and before it answers. Arguments: the folder, the public key of the log. */
import { writeSync } from "node:fs";
import { parseVerifierKey } from "../../../src/audit/verifier-key.ts";
import { openWitness, serveWitness } from "../../../src/composition/witness.ts";

const [, , folder = "", logKey = ""] = process.argv;

if (import.meta.main) {
  const { key, states } = openWitness(folder, "north.example/witness");
  const killing = {
    ...states,
    async replace(...args: Parameters<typeof states.replace>) {
      const won = await states.replace(...args);
      process.kill(process.pid, "SIGKILL");
      return won;
    },
  };
  const { url } = await serveWitness({ key, states: killing }, { logs: [parseVerifierKey(logKey)], host: "127.0.0.1", port: 0 });
  writeSync(1, `${url}\n`);
}
