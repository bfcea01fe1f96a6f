/**
 * Puts values into the URL of a page of the front end: `https://app.example.com/reset/{uid}/{token}`. They are base64url or
 * percent-encoded, so that nothing of a value can become another part of the URL.
 */
export function fillFrontEndUrl(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values[name]
    return value === undefined ? placeholder : encodeURIComponent(value)
  })
}

/** The placeholders of a template. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
}
