/** What a line is refused for before it is sent: the field at fault and the reason. */
export class RowError extends Error {
  readonly field: string;
  constructor(field: string, reason: string) {
    super(reason);
    this.name = "RowError";
    this.field = field;
  }
}
