import Foundation
import Logging
import Metrics
import NIOCertificateReloading
import NIOSSL
import ServiceLifecycle
import X509

/// The certificate of the S3 port and its private key, as two PEM files that may be replaced.
///
/// New connections have what was read last. Files that do not fit together, or that cannot be read,
/// change nothing: the node goes on with those it has, says so, and looks again.
struct CertificateFiles: Service {
    private let reloader: TimedCertificateReloader
    /// For the S3 port: TLS 1.2 or later, HTTP/1.1, clients without certificates.
    let configuration: TLSConfiguration

    /// Reads both files, and refuses to go on without them.
    init(_ settings: NodeConfiguration.TLS) throws(Failure) {
        let instruments = CertificateInstruments()
        let loading = TimedCertificateReloader.Configuration(
            refreshInterval: settings.reload,
            certificateSource: .init(location: .file(path: settings.certificate), format: .pem),
            privateKeySource: .init(location: .file(path: settings.key), format: .pem)
        ) {
            $0.onCertificateLoaded = { instruments.loaded($0) }
            $0.onCertificateLoadFailed = { instruments.failed($0.error) }
        }
        do {
            self.reloader = try .makeReloaderValidatingSources(configuration: loading)
            var configuration = try TLSConfiguration.makeServerConfiguration(
                certificateReloader: self.reloader
            )
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            self.configuration = configuration
        } catch {
            throw Failure(
                "cannot use tls.cert \(settings.certificate) with tls.key \(settings.key): \(error)"
            )
        }
    }

    /// Looks at the files again and again, until shutdown.
    func run() async throws { try await self.reloader.run() }
}

/// What operators are told of the certificate.
private struct CertificateInstruments: Sendable {
    private let logger = Logger(label: "triolet.tls")
    private let expiry = Gauge(label: "tls_certificate_expiry_seconds")
    private let failures = Counter(label: "tls_certificate_failures_total")

    func loaded(_ change: TimedCertificateReloader.CertificateChainAndKeyPairReloadDiff) {
        guard let certificate = change.currentX509CertificateChain.first else { return }
        self.expiry.record(certificate.notValidAfter.timeIntervalSince1970)
        guard change.previousX509CertificateChain?.first != certificate else { return }
        self.logger.info(
            "certificate loaded",
            metadata: [
                "subject": "\(certificate.subject)", "expires": "\(certificate.notValidAfter)",
            ]
        )
    }

    func failed(_ error: any Error) {
        self.failures.increment()
        self.logger.warning(
            "certificate not loaded: the one before is in use",
            metadata: ["error": "\(error)"]
        )
    }
}
