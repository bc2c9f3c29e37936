// The files for browsers: who gets which, under what policy, and in how many bytes.
import Basics
import Testing
import Wire

@testable import FanOut

private func get(_ path: String, _ headers: String = "", dashboard: Bool = true, method: String = "GET") -> (
    head: [String: String], status: Int, body: String
) {
    let engine = Engine { $0.servesDashboard = dashboard }
    engine.ask(0, "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
    // Compressed bodies are no text: only heads are looked at there.
    let text = engine.text(0)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    var head: [String: String] = [:]
    for line in parts[0].split(separator: "\r\n").dropFirst() {
        let field = line.split(separator: ": ", maxSplits: 1)
        head[field[0].lowercased(), default: ""] += "\(field[1]) "
    }
    return (
        head.mapValues { String($0.dropLast()) }, Int(text.split(separator: " ")[1]) ?? 0, String(parts[1])
    )
}

private let html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"

@Test("a browser gets the page, a program the list")
func rootPage() {
    let page = get("/", html)
    #expect(page.status == 200 && page.head["content-type"] == "text/html; charset=utf-8")
    #expect(page.body.hasPrefix("<!doctype html>"))
    let list = get("/")
    #expect(list.head["content-type"] == "text/plain; charset=utf-8" && list.body.contains("/v1/stream"))
    #expect(list.head["vary"]?.contains("Accept") == true)
    #expect(get("/", html, dashboard: false).head["content-type"] == "text/plain; charset=utf-8")
}

@Test("the page may load from where it came and nothing else")
func contentPolicy() throws {
    for path in Pages.all.keys where path != Pages.module {
        let head = get(path).head
        let policy = try #require(head["content-security-policy"], "\(path)")
        #expect(policy.hasPrefix("default-src 'none'; "))
        for word in ["unsafe", "*", "data:", "http", "blob:"] { #expect(!policy.contains(word)) }
        #expect(policy.contains("frame-ancestors 'none'") && head["x-frame-options"] == "DENY")
        #expect(head["access-control-allow-origin"] == nil)
        #expect(head["x-content-type-options"] == "nosniff" && head["referrer-policy"] == "no-referrer")
    }
}

@Test("the module is for pages of any site, the dashboard's files go with the page")
func moduleForAll() {
    for dashboard in [true, false] {
        let module = get("/tickerfeed.js", "Origin: http://other.example\r\n", dashboard: dashboard)
        #expect(module.status == 200 && module.head["access-control-allow-origin"] == "*")
        #expect(module.head["content-type"] == "text/javascript; charset=utf-8")
    }
    #expect(get("/dashboard.js").status == 200)
    #expect(get("/dashboard.js", dashboard: false).status == 404)
    #expect(get("/pages/dashboard.js").status == 404)
    #expect(get("/dashboard.js", method: "POST").status == 405)
}

@Test("an answer that any page may read names one origin, for pages on the list too")
func oneOrigin() {
    for path in ["/tickerfeed.js", "/v1/preflight"] {
        let engine = Engine { $0.allowedOrigins = ["http://good.example"] }
        engine.ask(0, "GET \(path) HTTP/1.1\r\nHost: x\r\nOrigin: http://good.example\r\n\r\n")
        let names = engine.text(0).split(separator: "\r\n").filter {
            $0.lowercased().hasPrefix("access-control-allow-origin:")
        }
        #expect(names == ["Access-Control-Allow-Origin: *"], "\(path)")
    }
}

@Test("each file has a version, another one compressed, and is not sent again to who has it")
func pageVersions() throws {
    for path in Pages.all.keys {
        let plain = get(path), packed = get(path, "Accept-Encoding: br, gzip\r\n", method: "HEAD")
        let tag = try #require(plain.head["etag"]), packedTag = try #require(packed.head["etag"])
        #expect(tag != packedTag && packed.head["content-encoding"] == "gzip")
        #expect(plain.head["content-encoding"] == nil && plain.head["cache-control"] == "no-cache")
        #expect(get(path, "If-None-Match: \(tag)\r\n").status == 304)
        #expect(get(path, "Accept-Encoding: gzip\r\nIf-None-Match: \(packedTag)\r\n").status == 304)
        #expect(get(path, "If-None-Match: \(packedTag)\r\n").status == 200)
    }
}

@Test("what a dashboard costs to load: 14 KB the module, 120 KB all of it")
func pageSizes() throws {
    #expect(try #require(Pages.all[Pages.module]).bytes.count <= 14 * 1_024)
    #expect(Pages.all.values.map(\.bytes.count).reduce(0, +) <= 120 * 1_024)
}

@Test("the page's files name no other address: they live behind any prefix of a proxy")
func relativeAddresses() {
    for (path, page) in Pages.all {
        let text = String(decoding: page.bytes, as: UTF8.self)
        for word in ["src=\"/", "href=\"/", "from \"/", "\"/v1", "innerHTML", "eval(", "cdn."] {
            // The module puts it behind the address that it was given, or came from.
            if path == Pages.module, word == "\"/v1" { continue }
            #expect(!text.contains(word), "\(path) has \(word)")
        }
        #expect(
            !text.replacing("http://www.w3.org/2000/svg", with: "").contains(#/https?:\/\/\w+\.\w/#),
            "\(path)")
    }
}
