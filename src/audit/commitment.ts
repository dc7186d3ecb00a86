/** What a leaf carries in place of a sealed text. */
import { canonicalText } from "../canonical/canonical-json.ts";
import { concatBytes, toBase64, utf8 } from "./encoding.ts";
import { sha256 } from "./sha256.ts";

const saltBytes = 32;
const domain = utf8("troth/commit/v1\n");

/**
 * Base64 of SHA-256("troth/commit/v1\n" ‖ salt ‖ canonical JSON of the text): what a disclosed text is checked against.
 * @throws RangeError for a salt that is not of 32 bytes.
 */
export function commitmentOf(salt: Uint8Array, text: string): string {
  if (salt.length !== saltBytes) throw new RangeError(`a salt has ${saltBytes} bytes, not ${salt.length}`);
  return toBase64(sha256(concatBytes(domain, salt, utf8(canonicalText(text)))));
}
