/** A process that verifies a bundle and says how much memory it took at most, in MB. Arguments: the bundle, the policy. */
import { runVerification } from "../../src/verifier/run.ts";

const [, , bundle = "", policy = ""] = process.argv;
const { code } = await runVerification({ bundle, policy }, process.stdin, () => undefined);
if (code !== 0) throw new Error(`it ended with ${code}`);
process.stdout.write(String(Math.round(process.resourceUsage().maxRSS / 1024)));
