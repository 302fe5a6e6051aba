#!/usr/bin/env python3
"""The gates see what they are for: each change is made to a copy of the headers, and must be found or be let through."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import abi_gates


class Prefix(unittest.TestCase):
    def found(self, file, old, new):
        with tempfile.TemporaryDirectory() as directory:
            changed = pathlib.Path(directory) / "trunkline"
            shutil.copytree(abi_gates.HEADERS, changed)
            path = changed / file
            text = path.read_text()
            self.assertIn(old, text)
            path.write_text(text.replace(old, new, 1))
            return list(abi_gates.breaks(abi_gates.declarations(abi_gates.HEADERS), abi_gates.declarations(changed)))

    def test_nothing_changed(self):
        today = abi_gates.declarations(abi_gates.HEADERS)
        self.assertGreater(len(today[0]), 50)
        self.assertIn("tl_sms_provider", today[0])
        self.assertIn("tl_host", today[0])
        self.assertEqual(today[1]["TL_ERROR_CODE_CANCELLED"], "1")
        self.assertEqual(list(abi_gates.breaks(today, today)), [])

    def test_appended_member_is_let_through(self):
        self.assertEqual(self.found("sms.h", "  tl_list countries;\n", "  tl_list countries;\n  tl_opt_i64 more;\n"), [])

    def test_swapped_members_of_one_type(self):
        found = self.found("sms.h", "  tl_str to;\n", "  tl_str SWAP;\n")
        self.assertEqual(found, ["struct tl_sms_recipient, member 2: was `tl_str to`, is `tl_str SWAP`"])

    def test_changed_type(self):
        self.assertTrue(self.found("sms.h", "  int32_t max_recipients;", "  uint32_t max_recipients;"))

    def test_changed_signature(self):
        self.assertTrue(
            self.found("sms.h", "const tl_sms_send_request *request,", "const tl_sms_send_request *request, int32_t extra,")
        )

    def test_changed_done(self):
        self.assertTrue(
            self.found(
                "sms.h",
                "typedef void (*tl_sms_provider_send_done)(void *user, const tl_list",
                "typedef void (*tl_sms_provider_send_done)(void *user, tl_list",
            )
        )

    def test_member_of_a_union(self):
        self.assertTrue(
            self.found("identity.h", "const tl_identity_code_credential *code;", "const tl_identity_teams_credential *code;")
        )

    def test_enum_value(self):
        self.assertTrue(self.found("sms.h", "TL_SMS_MESSAGE_STATE_SENT = 2", "TL_SMS_MESSAGE_STATE_SENT = 7"))

    def test_core(self):
        self.assertTrue(self.found("abi.h", "uint32_t abi_min; ", "uint64_t abi_min; "))


if __name__ == "__main__":
    unittest.main()
