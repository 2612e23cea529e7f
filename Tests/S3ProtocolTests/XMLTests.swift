import S3Protocol
import TestSupport
import Testing

struct XMLTests {
    private func read(_ text: String) throws -> XMLNode { try XMLNode(parsing: Array(text.utf8)) }

    @Test("What is written can be read")
    func roundTrip() throws {
        let text = "a<b>&\"'c\r\n\té]]>"
        let document = XMLWriter.document("Root") { writer in
            writer.element("A", text)
            writer.element("B") { $0.element("C", "") }
        }
        let root = try XMLNode(parsing: document)
        #expect(root.name == "Root")
        #expect(root["A"] == text)
        #expect(root.children[1].children[0].name == "C")
        #expect(
            String(decoding: document, as: UTF8.self).hasPrefix(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Root xmlns=\"http://s3.amazonaws.com/"
            )
        )
    }

    @Test("Characters that XML 1.0 has not are references, and replaced where they may be")
    func unprintable() {
        let text = "a\u{0}\u{1F}\t\r\n\u{FFFE}\u{FFFF}\u{7F}\u{85}\u{FFFD}é"
        let document = XMLWriter.document("R", namespace: nil) { $0.element("A", text) }
        #expect(
            String(decoding: document, as: UTF8.self).contains(
                "<A>a&#x0;&#x1F;&#x9;&#xD;&#xA;\u{FFFE}\u{FFFF}\u{7F}\u{85}\u{FFFD}é</A>"
            )
        )
        #expect(
            XMLWriter.printable(text)
                == "a\u{FFFD}\u{FFFD}\t\r\n\u{FFFD}\u{FFFD}\u{7F}\u{85}\u{FFFD}é"
        )
    }

    @Test("Prefixes, attributes, spaces and references are understood")
    func forms() throws {
        let root = try self.read(
            """
            \u{FEFF}<?xml version='1.0'?>
            <s3:Delete xmlns:s3="x" a = 'y>'>
              <s3:Object ><Key>&#x41;&#66;&amp;&lt;&gt;&quot;&apos;\u{E9}</Key><E/></s3:Object>
            </s3:Delete >
            """
        )
        #expect(root.name == "Delete")
        #expect(root.children[0]["Key"] == "AB&<>\"'é")
        #expect(root.children[0]["E"] == "")
    }

    @Test(
        "Whatever could be a trick is refused",
        arguments: [
            "", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "</a>", "<a", "<a b></a>", "<a b=c/>",
            "<!DOCTYPE a><a/>", "<a><!-- --></a>", "<a><![CDATA[x]]></a>", "<a><?php ?></a>",
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "<a>&x;</a>",
            "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&amp</a>", "<a>&#+65;</a>",
            "<a>\u{1}</a>", "<1a/>", "<a><b>x</b>y</a>", "<a b=\"<\"/>", "<?xml",
            String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17),
        ]
    )
    func tricks(text: String) {
        let error = #expect(throws: S3Error.self) { try self.read(text) }
        #expect(error?.code == .malformedXML)
    }

    @Test("So many elements as the longest list of parts has, and no more")
    func elements() throws {
        func document(_ count: Int) -> String {
            "<a>" + String(repeating: "<b/>", count: count - 1) + "</a>"
        }
        #expect(try self.read(document(100_000)).children.count == 99_999)
        #expect(throws: S3Error.self) { try self.read(document(100_001)) }
    }

    @Test("Bytes that are no UTF-8 are refused")
    func encoding() {
        #expect(throws: S3Error.self) {
            try XMLNode(parsing: Array("<a>".utf8) + [0xFF] + Array("</a>".utf8))
        }
    }

    @Test("Damaged documents only cause errors", arguments: UInt64(0)..<256)
    func hostile(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var bytes = Array(
            "<?xml version=\"1.0\"?><Delete x=\"y\"><Object><Key>a&amp;b</Key></Object></Delete>"
                .utf8
        )
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                UInt8.random(in: 0...255, using: &random)
        }
        // Either way is right: the property is that it returns.
        _ = try? DeleteList(parsing: bytes)
    }

    @Test("A list of 1 to 1,000 keys can be deleted")
    func deleteList() throws {
        func body(_ count: Int, _ extra: String = "") -> [UInt8] {
            let objects = (0..<count).map { "<Object><Key>k\($0)</Key></Object>" }.joined()
            return Array("<Delete>\(extra)\(objects)</Delete>".utf8)
        }
        let list = try DeleteList(parsing: body(1_000, "<Quiet>true</Quiet>"))
        #expect(list.entries.count == 1_000 && list.entries[999].key == "k999" && list.isQuiet)
        #expect(try !DeleteList(parsing: body(1)).isQuiet)
        #expect(throws: S3Error.self) { try DeleteList(parsing: body(0)) }
        #expect(throws: S3Error.self) { try DeleteList(parsing: body(1_001)) }
        #expect(throws: S3Error.self) {
            try DeleteList(parsing: Array("<Delete><Object><Key/></Object></Delete>".utf8))
        }
    }
}
