import { expect } from 'chai'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { MODES, startApp } from '../support/app.ts'

for (const mode of MODES) {
  describe(`tokens from credentials, ${mode}`, () => {
    it('S-053 a client gets an access token for itself, and no refresh token', async () => {
      const keyturn = await startApp({ mode })
      const client = await keyturn.createClient()
      const { status, body } = await keyturn.post(
        '/oauth/token',
        { grant_type: 'client_credentials' },
        client,
      )
      expect(status).to.equal(200)
      expect(body).to.include({ token_type: 'Bearer', expires_in: 600, scope: 'read write' })
      expect(body).not.to.have.property('refresh_token')
      expect(decodeJwt(body.access_token)).to.include({ sub: client.id, client_id: client.id })
    })

    it('S-140 a user gets an access token that says all it should, and a refresh token that works', async () => {
      const keyturn = await startApp({ mode })
      const client = await keyturn.createClient()
      const alice = await keyturn.createUser('alice')
      const { status, body } = await keyturn.signIn(client, 'alice')
      expect(status).to.equal(200)
      expect(decodeProtectedHeader(body.access_token)).to.include({ alg: 'RS256', typ: 'at+jwt' })
      const claims = decodeJwt(body.access_token)
      expect(claims).to.include({
        iss: keyturn.config.issuer,
        sub: alice.id,
        user_id: alice.id,
        username: 'alice',
        aud: 'https://api.example.com',
        client_id: client.id,
        scope: 'read write',
        token_type: 'access',
      })
      expect(claims).to.include.all.keys('jti', 'sid', 'fid', 'auth_time', 'iat', 'exp')
      expect(claims).not.to.have.any.keys('nbf', 'is_staff', 'is_superuser')
      const refreshed = await keyturn.refresh(client, body.refresh_token)
      expect(refreshed.status).to.equal(200)
      expect(refreshed.body.refresh_token).not.to.equal(body.refresh_token)
      expect(decodeJwt(refreshed.body.access_token)).to.include({
        sub: alice.id,
        sid: claims['sid'],
        fid: claims['fid'],
      })
    })
  })
}
