// #embed (C23) puts a file's bytes into the object as they are, in no time and followed by the build's
// dependencies. Swift's own embedding of resources writes an array literal: 20 s for 100 KB.
#include "pages.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char tickerfeed_js[] = {
#embed "pages/tickerfeed.js"
};
static const unsigned char index_html[] = {
#embed "pages/index.html"
};
static const unsigned char dashboard_css[] = {
#embed "pages/dashboard.css"
};
static const unsigned char dashboard_js[] = {
#embed "pages/dashboard.js"
};
static const unsigned char icon_svg[] = {
#embed "pages/icon.svg"
};

#define PAGE(name, bytes) {name, bytes, sizeof bytes}

static const struct tf_page pages[] = {
    PAGE("tickerfeed.js", tickerfeed_js),
    PAGE("index.html", index_html),
    PAGE("dashboard.css", dashboard_css),
    PAGE("dashboard.js", dashboard_js),
    PAGE("icon.svg", icon_svg),
};

size_t tf_page_count(void) { return sizeof pages / sizeof *pages; }
const struct tf_page *tf_page_at(size_t index) { return &pages[index]; }
