/** What a line is refused for before it is sent: the field at fault and the reason. */
export class RowError extends Error {
  readonly field: string;
  constructor(field: string, reason: string) {
    super(reason);
    this.name = "RowError";
    this.field = field;
  }
}

/** The file can't be read as what it is said to be, from some place on. */
export class FileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FileError";
  }
}
