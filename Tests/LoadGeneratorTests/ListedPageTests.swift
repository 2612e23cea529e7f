import Testing

@testable import LoadGenerator

struct ListedPageTests {
    @Test("Keys, common prefixes and the next page are read from a list")
    func page() throws {
        let page = try ListedPage(
            Array(
                """
                <?xml version="1.0"?><ListBucketResult xmlns="x"><Prefix>l/</Prefix>\
                <IsTruncated>true</IsTruncated><Contents><Key>l/1</Key><Size>2</Size></Contents>\
                <Contents><Key>l/2</Key></Contents>\
                <CommonPrefixes><Prefix>l/3/</Prefix></CommonPrefixes>\
                <NextContinuationToken>abc=</NextContinuationToken></ListBucketResult>
                """.utf8
            )
        )
        #expect(page.keys == ["l/1", "l/2"])
        #expect(page.prefixes == ["l/3/"])
        #expect(page.next == "abc=")
    }

    @Test("A page that says it is not the last, but not what comes next, is an error")
    func endless() {
        #expect(throws: LoadError.self) {
            try ListedPage(Array("<IsTruncated>true</IsTruncated>".utf8))
        }
    }

    @Test("The last page has no next, whatever else it says")
    func last() throws {
        let text = "<IsTruncated>false</IsTruncated><NextContinuationToken/>"
        #expect(try ListedPage(Array(text.utf8)).next == nil)
    }
}
