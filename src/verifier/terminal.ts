/** What others wrote, on its way to a terminal. */

/** Whatever is no visible character: controls that move a cursor, marks that turn the direction of writing, halves of characters. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const lineLengthMax = 1_000;

/** One line that shows itself and does nothing else: an archive must not be able to clear the screen and write a report of its own. */
export function plainLine(text: string): string {
  const cut = text.length > lineLengthMax ? `${text.slice(0, lineLengthMax)} …` : text;
  return cut.replace(invisible, "\u{fffd}");
}

/** JSON of the same value in which such characters are written as escapes. */
export const plainJson = (value: unknown): string =>
  JSON.stringify(value).replace(invisible, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
