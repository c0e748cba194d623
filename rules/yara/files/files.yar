/* YARA rules for data that came encoded inside a stanza (base64, hexadecimal) and is not text: each opened piece is scanned alone,
 * so that offsets and filesize mean what they say. Cost here does not touch ordinary chat. */

rule windows_program
{
    meta:
        description = "A Windows program or library (PE)"
        id = 5101
        action = "reject"
        severity = "high"
    condition:
        uint16(0) == 0x5A4D and filesize > 64
}

rule unix_program
{
    meta:
        description = "An ELF or Mach-O program, or a script with an interpreter line"
        id = 5102
        action = "reject"
        severity = "high"
    condition:
        uint32(0) == 0x464C457F or uint32(0) == 0xFEEDFACE or uint32(0) == 0xFEEDFACF or uint32(0) == 0xCEFAEDFE or
        uint32(0) == 0xCFFAEDFE or (uint16(0) == 0x2123 and uint8(2) == 0x2F)
}

rule office_macro
{
    meta:
        description = "An Office document with macros"
        id = 5103
        action = "reject"
        severity = "high"
    strings:
        $ole_vba = "_VBA_PROJECT" wide ascii
        $zip_vba = "vbaProject.bin"
        $attribute = "Attribut\x00e VB_"
    condition:
        (uint32be(0) == 0xD0CF11E0 or uint32be(0) == 0x504B0304) and any of them
}

rule pdf_active
{
    meta:
        description = "A PDF that runs something when it is opened"
        id = 5104
        action = "reject"
        severity = "medium"
    strings:
        $js = "/JavaScript"
        $launch = "/Launch"
        $embedded = "/EmbeddedFile"
    condition:
        uint32be(0) == 0x25504446 and any of them
}

rule windows_shortcut
{
    meta:
        description = "A Windows shortcut (LNK)"
        id = 5105
        action = "reject"
        severity = "high"
    condition:
        uint32(0) == 0x0000004C and uint32be(4) == 0x01140200
}

rule java_archive_or_class
{
    meta:
        description = "Java byte code"
        id = 5106
        action = "reject"
        severity = "medium"
    strings:
        $manifest = "META-INF/MANIFEST.MF"
    condition:
        (uint32be(0) == 0xCAFEBABE and uint16be(6) > 44 and uint16be(6) < 90) or (uint32be(0) == 0x504B0304 and $manifest)
}
