import Testing

/// The finder finds: a rule whose reader is blind passes whatever is written.
struct SourceFileTests {
    private func code(_ text: String) -> String {
        SourceFile(path: "Sources/X/Y.swift", text: text).code.map(\.text).joined(separator: "\n")
    }

    @Test("Comments and the insides of strings are not code")
    func code() {
        #expect(self.code("let a = 1  // print(a)") == "let a = 1  ")
        #expect(self.code("/// print(a)") == "")
        #expect(self.code(#"let a = "print(\"x\") // no" + b"#) == #"let a = "" + b"#)
        #expect(self.code("let u = \"http://x\"; print(u)") == "let u = \"\"; print(u)")
        #expect(self.code("a\n\"\"\"\nprint(1)\n\"\"\"\nb") == "a\n\"\"\"\n\n\nb")
    }

    @Test("Imports are found in all their forms")
    func imports() {
        let text = """
            import A
            package import B
            @preconcurrency import C
            import struct D.Thing
            // import E
            let important = 1
            """
        #expect(SourceFile(path: "Sources/X/Y.swift", text: text).imports == ["A", "B", "C", "D"])
    }

    @Test("The files of the repository are found")
    func files() throws {
        let files = try SourceFile.all(in: "Sources/Wire")
        #expect(files.contains { $0.path == "Sources/Wire/FrameHeader.swift" })
        #expect(files.allSatisfy { $0.target == "Wire" })
        #expect(files.contains { $0.imports.contains("NIOCore") })
        #expect(try SourceFile.all(in: "Sources/nowhere").isEmpty)
    }
}
