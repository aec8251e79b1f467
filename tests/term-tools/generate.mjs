export function generate() { return { cols: 1, rows: 1, bytes: Buffer.alloc(0) }; }
