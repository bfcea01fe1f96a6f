const HEADERS = {
  'cache-control': 'no-store',
  pragma: 'no-cache',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const
const HSTS = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } as const

/**
 * What every answer carries, errors too (RFC 6749 §5.1, OWASP ASVS 3.4). What may be kept, metadata and JWKS, says so
 * itself.
 * @param isHttps whether the issuer is: a browser that was told of HTTPS does not come back without
 */
export function securityHeaders(isHttps: boolean): Readonly<Record<string, string>> {
  return isHttps ? { ...HEADERS, ...HSTS } : HEADERS
}
