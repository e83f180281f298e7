import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Holds PDF files against every rule of PDF/UA-1 that veraPDF has. Prints a JSON object: for each file, a list of broken rules. */
public class Letters {
  public static void main(String[] files) throws Exception {
    VeraGreenfieldFoundryProvider.initialise();
    Map<String, List<String>> broken = new LinkedHashMap<>();
    for (String file : files) broken.put(file, rules(file));
    System.out.println(new com.google.gson.Gson().toJson(broken));
  }

  private static List<String> rules(String file) throws Exception {
    try (var parser = Foundries.defaultInstance().createParser(Path.of(file).toFile(), PDFAFlavour.PDFUA_1);
        var validator = Foundries.defaultInstance().createValidator(PDFAFlavour.PDFUA_1, false)) {
      List<String> rules = new ArrayList<>();
      var result = validator.validate(parser);
      if (result.getTotalAssertions() == 0) rules.add("nothing was looked at");
      for (TestAssertion one : result.getTestAssertions()) {
        if (one.getStatus() == TestAssertion.Status.PASSED) continue;
        rules.add(one.getRuleId().getClause() + "-" + one.getRuleId().getTestNumber() + ": " + one.getMessage());
      }
      return rules;
    }
  }
}
