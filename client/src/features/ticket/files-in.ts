/** The files that were dropped or pasted; folders are none. */
export function filesIn(data: Pick<DataTransfer, "files" | "items">): File[] {
  const items = [...(data.items ?? [])].filter((item) => item.kind === "file");
  if (items.length === 0) return [...(data.files ?? [])];
  return items.flatMap((item) => {
    if (item.webkitGetAsEntry?.()?.isDirectory) return [];
    return item.getAsFile() ?? [];
  });
}
