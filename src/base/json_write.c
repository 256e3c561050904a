#include "base/json_write.h"

bool json_write_text(struct buf *out, struct str text)
{
    bool good = buf_add_str(out, STR("\""));
    for (size_t i = 0; good && i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            good = buf_printf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            good = buf_printf(out, "\\%c", c);
        else
            good = buf_add(out, &text.p[i], 1);
    }
    return good && buf_add_str(out, STR("\""));
}
