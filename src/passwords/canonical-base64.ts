/** The bytes of standard Base64 with its padding, `length` of them. Undefined where it is not their one spelling. */
export function canonicalBase64(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length && bytes.toString('base64') === text ? bytes : undefined
}
