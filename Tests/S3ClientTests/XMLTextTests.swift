import Testing

@testable import S3Client

struct XMLTextTests {
    @Test("Elements are found by their whole name, and text is unescaped")
    func elements() {
        let text = """
            <?xml version="1.0"?><R xmlns="x"><Keys>no</Keys><Key>a&amp;b&lt;&#x41;&#66;</Key>\
            <Empty/><Key> c </Key></R>
            """
        #expect(XMLText.all("Key", in: text) == ["a&b<AB", " c "])
        #expect(XMLText.first("Keys", in: text) == "no")
        #expect(XMLText.first("Empty", in: text)?.isEmpty == true)
        #expect(XMLText.first("Missing", in: text) == nil)
        #expect(XMLText.first("R", in: text)?.hasPrefix("<Keys>") == true)
    }

    @Test(
        "Broken documents give nothing, and never a crash",
        arguments: ["<Key", "<Key>", "<Key>abc", "<Key>abc</Ke", "</Key>", "<Key/", "&"]
    )
    func broken(text: String) {
        #expect(XMLText.all("Key", in: text).isEmpty)
    }

    @Test(
        "What is no entity is left as it stands",
        arguments: ["a&b", "&unknown;", "&#xFFFFFFFF;", "&#;", "&"]
    )
    func noEntity(text: String) {
        #expect(XMLText.first("K", in: "<K>\(text)</K>") == text)
    }

    @Test("An error is recognised also when it comes after the status 200")
    func lateError() {
        let text =
            "<?xml version=\"1.0\"?>   <Error><Code>InternalError</Code>"
            + "<Message>m</Message><RequestId>7</RequestId></Error>"
        let failure = S3Failure(status: 200, text: text)
        #expect(failure?.description == "200 InternalError: m (request 7)")
        #expect(S3Failure(status: 200, text: "<CopyObjectResult/>") == nil)
    }
}
