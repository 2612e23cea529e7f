import ArgumentParser
import Crypto
import Foundation
import NIOCore
import SwiftASN1
import X509

struct DevCertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev-cert",
        abstract: "Make a certificate for trying out TLS.",
        discussion: """
            Writes ca.pem, cert.pem and key.pem. Nodes get the last two (tls.cert and tls.key), \
            clients trust the first (AWS_CA_BUNDLE=ca.pem). The key that signed them is thrown \
            away: nothing else can ever be signed with ca.pem.
            """
    )

    @Argument(help: "Names and addresses of the server.")
    var hosts = ["localhost", "*.localhost", "127.0.0.1", "::1"]

    @Option(help: "Where the files go; those of the same names are replaced.")
    var directory = "."

    @Option(help: "How long it is valid (1 to 825 days).")
    var days = 90

    func run() throws {
        guard (1...825).contains(self.days) else {
            throw Failure("--days takes 1 to 825", .usage)
        }
        do {
            let made = try DevelopmentCertificate(hosts: self.hosts, days: self.days)
            let place = URL(fileURLWithPath: self.directory, isDirectory: true)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            for (name, text) in [("ca.pem", made.authority), ("cert.pem", made.certificate)] {
                let file = place.appending(path: name)
                try Data((text + "\n").utf8).write(to: file, options: .atomic)
                Terminal.say(file.path)
            }
            let key = place.appending(path: "key.pem").path
            try SecretFile.create(key, made.key)
            Terminal.say(key)
        } catch { throw Failure("no certificate was made: \(error)") }
    }
}

/// A certificate for some hosts, signed by an authority made for it alone.
struct DevelopmentCertificate {
    /// PEM of the authority's certificate.
    let authority: String
    /// PEM of the hosts' certificate.
    let certificate: String
    /// PEM of the hosts' private key.
    let key: String

    init(hosts: [String], days: Int) throws {
        // Clocks may differ: it is valid from a little earlier on.
        let start = Date(timeIntervalSinceNow: -3_600)
        let end = start.addingTimeInterval(Double(days) * 86_400)
        let authorityKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName("Triolet development authority") }
        let authority = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: authorityKey.publicKey,
            notValidBefore: start,
            notValidAfter: end,
            issuer: name,
            subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            },
            issuerPrivateKey: authorityKey
        )
        let signingKey = P256.Signing.PrivateKey()
        let key = Certificate.PrivateKey(signingKey)
        let names = hosts.map { host in
            Self.address(host).map { GeneralName.ipAddress($0) } ?? .dnsName(host)
        }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: key.publicKey,
            notValidBefore: start,
            notValidAfter: end,
            issuer: name,
            subject: try DistinguishedName { CommonName(hosts.first ?? "localhost") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names)
            },
            issuerPrivateKey: authorityKey
        )
        self.authority = try authority.serializeAsPEM().pemString
        self.certificate = try certificate.serializeAsPEM().pemString
        self.key = signingKey.pemRepresentation
    }

    /// The bytes of an IP address; nil for a name.
    private static func address(_ host: String) -> ASN1OctetString? {
        guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return nil }
        switch address {
        case .v4(let four):
            // The bytes of a C value, in the order of the network.
            let bytes = unsafe withUnsafeBytes(of: four.address.sin_addr) { unsafe Array($0) }
            return ASN1OctetString(contentBytes: bytes[...])
        case .v6(let six):
            // As above.
            let bytes = unsafe withUnsafeBytes(of: six.address.sin6_addr) { unsafe Array($0) }
            return ASN1OctetString(contentBytes: bytes[...])
        case .unixDomainSocket: return nil
        }
    }
}
