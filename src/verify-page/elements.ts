/** Making elements. Text only ever becomes text: what others wrote can't become markup. */

type Attributes = Record<string, string>;

export function element(name: string, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

const svgNamespace = "http://www.w3.org/2000/svg";

export function drawn(name: string, attributes: Record<string, string | number>, ...children: (Node | string)[]): SVGElement {
  const made = document.createElementNS(svgNamespace, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  made.append(...children);
  return made;
}

export const factList = (rows: readonly (readonly [name: string, says: string])[]): HTMLElement =>
  element("dl", { class: "facts" }, ...rows.flatMap(([name, says]) => [element("dt", {}, name), element("dd", {}, says)]));

export const folded = (summary: string, ...children: (Node | string)[]): HTMLElement =>
  element("details", {}, element("summary", {}, summary), ...children);
