export function resolveStack(stack: string, mapOf: (file: string) => object | null): string;
